//! The idempotent producer (KIP-98): its last five batches in one partition, which distinguish a retry from a new
//! batch.
//!
//! Owns: the sequence rules, all arithmetic on sequence numbers, and what a producer id says of its age. Does not own:
//! which batches there are, offsets.
//! Invariant: of the batches that carry a producer id, each is in the log at most once, and none after one that it
//! should precede.

mod id;
mod sequence;
mod window;

#[cfg(test)]
mod tests;

pub use sequence::ProducerBatch;
pub use window::{SequenceCheck, SequenceError, Window, WindowBatch};
