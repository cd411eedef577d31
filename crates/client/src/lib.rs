//! A small Kafka client on our own wire crate, for the load tool, the end-to-end tests and the simulation.
//!
//! Owns: a pipelined connection that negotiates versions, over TCP or any other transport; a cluster behind one
//! bootstrap broker, and a connection pool that follows brokers as they come and go; an idempotent producer, a
//! partition reader, a group member, and the requests of a transactional producer. Does not own: the conveniences of a
//! client library for applications. Invariants: requests of one connection leave in call order; every queue is bounded.

mod assignment;
mod backoff;
mod cluster;
mod connection;
mod connection_pool;
mod error;
mod group_consumer;
mod producer;
mod reader;
mod transactions;
mod transport;

pub use cluster::{Cluster, TopicLayout};
pub use connection::{Connection, Pending};
pub use connection_pool::{ConnectionPool, PoolConfig};
pub use error::ClientError;
pub use group_consumer::{GroupConfig, GroupConsumer, JoinedGeneration, MemberError};
pub use producer::{Acks, Appended, IdempotentProducer, ProducerConfig};
pub use reader::{FetchedBatch, PartitionReader, ReaderConfig};
pub use transactions::{GroupOffsets, TransactionClient, TransactionConfig, TransactionVersion};
pub use transport::{Stream, Tcp, Transport};
