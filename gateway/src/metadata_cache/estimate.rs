//! How much of an extent is still ahead of a reader. Pure.

use alluvium_model::{Extent, Offset};

/// Bytes of `extent` from `offset` on, as if its records were all of a size; at least one, so that it counts.
#[must_use]
pub fn bytes_from(extent: &Extent, offset: Offset) -> u64 {
    let whole = extent.offsets.end.since(extent.offsets.start).max(1);
    let left = extent.offsets.end.since(offset.max(extent.offsets.start));
    let share = u128::from(extent.bytes) * u128::from(left) / u128::from(whole);
    u64::try_from(share).unwrap_or(u64::MAX).max(1)
}
