//! The idempotent producer (KIP-98): its last five batches in one partition, by which a retry is told from a new batch.
//!
//! Owns: the sequence rules. Does not own: which batches there are, offsets. Invariant: of the batches that carry a
//! producer id, each is in the log at most once, and none after one that it should precede.

mod sequence;
mod window;

#[cfg(test)]
mod tests;

pub use sequence::ProducerBatch;
pub use window::{SequenceError, Verdict, Window, WindowBatch};
