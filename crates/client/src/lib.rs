//! A small Kafka client on our own wire crate: what the load tool, the end-to-end tests and the simulation speak with.
//!
//! Owns: a pipelined connection that negotiates versions, over TCP or any other transport; views of the cluster, one fixed
//! and one that follows brokers as they come and go; an idempotent producer, a partition reader and a group member. Does not
//! own: transactions, or the comforts of a client library for applications.
//! Invariants: requests of one connection leave in call order; every queue is bounded.

mod assignment;
mod cluster;
mod connection;
mod error;
mod group_consumer;
mod producer;
mod reader;
mod routes;
mod transport;

pub use cluster::{Cluster, TopicLayout};
pub use connection::{Connection, Pending};
pub use error::ClientError;
pub use group_consumer::{Generation, GroupConfig, GroupConsumer, GroupError};
pub use producer::{Acks, Appended, IdempotentProducer, ProducerConfig};
pub use reader::{FetchedBatch, PartitionReader, ReaderConfig};
pub use routes::{Routes, RoutesConfig};
pub use transport::{Stream, Tcp, Transport};
