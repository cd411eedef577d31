//! The trim: moves the log start up (retention, DeleteRecords), and unlinks the extents that lie below it.
//!
//! A trim is made in bounded steps, each of which moves the log start exactly as far as it unlinks extents (the last
//! one to the target, within an extent that stays). So a crash between two steps leaves a shorter trim, but never
//! offsets without records, nor extents that no trim will unlink.

use super::Head;
use crate::{Extent, Offset, Timestamp};

/// The result of one step of a trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrimStep {
    /// The head after the step.
    pub head: Head,
    /// Number of the oldest extents that are unlinked.
    pub unlinked: usize,
    /// Whether the target is reached.
    pub done: bool,
}

/// Decides the next step towards `target` (at most `head.next`). `oldest` are the oldest live extents in order: all of
/// them, or at least one more than `step_max`.
#[must_use]
pub fn trim_step(head: Head, target: Offset, oldest: &[Extent], step_max: usize) -> TrimStep {
    let target = target.clamp(head.start, head.next.max(head.start));
    let unlinkable = oldest.iter().take(step_max).take_while(|extent| extent.offsets.end <= target);
    let (unlinked, bytes) =
        unlinkable.fold((0, 0u64), |(n, bytes), extent| (n + 1, bytes.saturating_add(extent.bytes)));
    let stays = oldest.get(unlinked);
    let done = stays.is_none_or(|extent| extent.offsets.end > target);
    let start = if done { target } else { stays.map_or(target, |extent| extent.offsets.start) };
    let head = Head {
        start,
        bytes: head.bytes.saturating_sub(bytes),
        earliest: stays.map_or(Timestamp::NONE, |extent| extent.timestamps.0),
        ..head
    };
    TrimStep { head, unlinked, done }
}
