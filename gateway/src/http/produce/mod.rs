//! Producing records: `POST /topics/{topic}` and `POST /topics/{topic}/partitions/{partition}`.
//!
//! Owns: the body's form and limits, the choice of partitions, batches made of records. Does not own: which batches are
//! valid (`produce::validation`, the rules of Kafka's Produce). Invariants: a permit is acquired before the body is
//! read; nothing is appended unless every record of the request is valid; records of one partition keep their order.

mod answer;
mod body;
mod plan;
mod read_body;
mod routes;

pub use read_body::BODY_BYTES_MAX;
pub use routes::{to_partition, to_topic};
