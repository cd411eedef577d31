//! The write path: batches in, acknowledgements out.
//!
//! Owns: admission rules, back-pressure, the open segment, the flush policy, uploads, commits in seal order. Does not own:
//! offsets (the metastore's commit gives them), the byte formats, or Kafka's messages. Invariant: an acknowledgement is
//! given only after the object is durable and the transaction that names it has committed.

mod ack;
pub mod admission;
mod backpressure;
mod commit;
mod entry;
mod flush_budget;
mod flusher;
mod gaps;
mod open_segment;
mod pending_acks;
mod pipeline;
mod start;
mod upload;

pub use ack::{Ack, PartitionAppend, ProduceError};
pub use backpressure::{Closed, Gate, Permit};
pub use entry::{AppendOutcomes, Produce};
pub use open_segment::SealReason;
pub use pending_acks::Outcome;
pub use start::{ProduceParts, start};

#[cfg(test)]
mod tests;
