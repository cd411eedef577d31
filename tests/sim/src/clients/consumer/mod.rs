//! A member of a group: joins, reads its partitions from the committed offsets on, commits, leaves and joins again. With
//! a transform it is a loop that consumes, transforms and produces.
//!
//! Invariants: it records that it revoked its partitions before it asks to join again; it commits only what it has
//! read.

mod commit;
mod member;

pub use member::{ConsumerPlan, consume};
