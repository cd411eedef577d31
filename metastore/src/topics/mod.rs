//! Topics: created, altered, deleted.
//!
//! Owns: topic rows, the name index, deleted topics, which wait to be purged ([`crate::maintenance`]). Creates and
//! removes the heads of a topic's partitions with it. Does not own: which names, sizes and configs are legal
//! (`alluvium_model`). Invariants: of two topics whose names collide at most one exists; a partition has a head exactly
//! as long as its topic exists, so that a commit can tell from heads alone which partitions exist. (Deletion clears all
//! heads of a topic as one range, whatever their number: one mutation, which conflicts with every commit that has read
//! one of them.)

mod alter;
mod create;
mod delete;
mod error;
mod key;
mod name_row;
mod service;
mod topic_row;

#[cfg(test)]
mod tests;

pub use alluvium_model::topic::{NewTopic, Topic};
pub use error::{AddPartitionsError, AlterConfigsError, CreateTopicError, DeleteTopicError};
pub use service::Topics;
pub use topic_row::DeletedTopic;

pub(crate) use delete::{clear_deleted, read_deleted};
