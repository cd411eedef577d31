//! The trim: moves the log start up (retention, DeleteRecords), and unlinks the extents that lie below it.
//!
//! A trim is made in bounded steps, each of which moves the log start exactly as far as it unlinks extents (the last
//! one to the target, within an extent that stays). So a crash between two steps leaves a shorter trim, but never
//! offsets without records, nor extents that no trim will unlink.

use crate::{Extent, Offset};

/// The result of one step of a trim, which unlinks the extents that it was decided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrimStep {
    /// The log start after the step.
    pub start: Offset,
    /// Bytes of the extents that are unlinked.
    pub removed: u64,
    /// Whether the target is reached.
    pub done: bool,
}

/// Decides the next step towards `target`, which lies between the log start and the end of the log. `oldest` are the
/// oldest live extents that end at or below it, in order: the first `step_max`, or fewer if there are no more.
#[must_use]
pub fn trim_step(target: Offset, oldest: &[Extent], step_max: usize) -> TrimStep {
    let reached = oldest.last().map_or(target, |extent| extent.offsets.end);
    let done = oldest.len() < step_max || reached >= target;
    let removed = oldest.iter().fold(0u64, |bytes, extent| bytes.saturating_add(extent.bytes));
    TrimStep { start: if done { target } else { reached }, removed, done }
}
