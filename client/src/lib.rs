//! A small Kafka client on our own wire crate: what the load tool, the end-to-end tests and the simulation speak with.
//!
//! Owns: a pipelined connection that negotiates versions, a view of the cluster, an idempotent producer and a partition
//! reader. Does not own: group membership, transactions, or the comforts of a client library for applications.
//! Invariants: requests of one connection leave in call order; every queue is bounded.

mod cluster;
mod connection;
mod error;
mod producer;
mod reader;

pub use cluster::{Cluster, TopicLayout};
pub use connection::{Connection, Pending};
pub use error::ClientError;
pub use producer::{Acks, Appended, IdempotentProducer, ProducerConfig};
pub use reader::{FetchedBatch, PartitionReader, ReaderConfig};
