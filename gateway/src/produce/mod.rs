//! The write path: batches in, acknowledgements out.
//!
//! Owns: validation of batches, back-pressure, the open segment, the flush policy, uploads, commits in seal order. Does
//! not own: offsets (the metastore's commit gives them), the byte formats, or Kafka's messages. Invariant: an
//! acknowledgement is given only after the object is durable and the transaction that names it has committed.

mod append;
mod assembly;
mod backpressure;
mod commit;
mod event_loop;
mod flush_budget;
mod gaps;
mod open_segment;
mod pending_acks;
mod producer_ids;
mod rate_limit;
mod segment_pipeline;
mod sequence;
pub mod throttle;
mod upload;
pub mod validation;
mod write_path;

pub use append::{Ack, AppendResult, PartitionAppend, ProduceError};
pub use assembly::{ProduceParts, start};
pub use backpressure::{AdmissionSemaphore, Closed, Permit};
pub use open_segment::SealReason;
pub use producer_ids::ProducerIds;
pub use rate_limit::RateLimit;
pub use write_path::{AppendOutcomes, Produce};

#[cfg(test)]
mod tests;
