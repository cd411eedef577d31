//! The write path: batches in, acknowledgements out.
//!
//! Owns: validation of batches, back-pressure, the open segment, the flush policy, uploads, commits in seal order. Does
//! not own: offsets (the metastore's commit gives them), the byte formats, or Kafka's messages. Invariant: an
//! acknowledgement is given only after the object is durable and the transaction that names it has committed.

mod ack;
mod backpressure;
mod commit;
mod event_loop;
mod flush_budget;
mod gaps;
mod handle;
mod open_segment;
mod pending_acks;
mod pipeline;
mod sequence;
mod start;
mod upload;
pub mod validation;

pub use ack::{Ack, AppendResult, PartitionAppend, ProduceError};
pub use backpressure::{AdmissionSemaphore, Closed, Permit};
pub use handle::{AppendOutcomes, Produce};
pub use open_segment::SealReason;
pub use start::{ProduceParts, start};

#[cfg(test)]
mod tests;
