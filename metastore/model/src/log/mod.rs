//! The log of a partition: its head, the segment commit, the end of a transaction, swap, trim and retention.
//!
//! Owns: the rules, as pure functions of (rows read, event, now). Does not own: the bytes of rows, transactions,
//! objects. Invariants: offsets grow by one per record; the live extents of a partition lie end to end from at most
//! `head.start` to exactly `head.next`; the size of a log (`head.appended` less what trims and swaps removed) is the
//! sum of their bytes.

pub mod commit;
mod head;
pub mod retention;
mod segment;
pub mod swap;
pub mod transaction_end;
pub mod trim;

#[cfg(test)]
mod tests;

pub use commit::{Commit, CommitLimits, CommitState, ObjectCommit, commit};
pub use head::Head;
pub use segment::{
    BatchAck, BatchCommit, BatchRejection, InvalidSegment, RunCommit, RunOutcome, SegmentCommit, SegmentOutcome,
};

pub use crate::producer::ProducerBatch;
