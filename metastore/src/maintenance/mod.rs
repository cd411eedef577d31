//! Steps that touch the rows of several concepts in one transaction, and so stand above all of them.
//!
//! Owns: purging a deleted topic (its extents, offsets and producer windows), deleting a group together with its
//! offsets, the expiry of offsets. Each is a method of the concept that it is about (`Topics::purge`, `Groups::delete`,
//! `Offsets::expire`). Counting all rows. Does not own: rows (each concept has its own), the schedule of these steps
//! (the compactor).

mod group_deletion;
mod offset_expiry;
mod row_count;
mod topic_purge;

#[cfg(test)]
mod tests;

pub use offset_expiry::OffsetExpiryStep;
pub use row_count::{Amount, RowCount};
