//! Topics: created, altered, deleted softly, purged in steps.
//!
//! Owns: topic rows, the name index, deleted topics. Creates and removes heads with their topic. Does not own: what names,
//! sizes and configs are legal (model).
//! Invariants: of two topics whose names collide at most one exists; a partition has a head exactly as long as its topic
//! exists, so that a commit tells from heads alone which partitions there are. (Deleting clears all heads of a topic as one
//! range, whatever their number: one mutation, which conflicts with every commit that has read one of them.)

mod alter;
mod create;
mod delete;
mod error;
mod purge;
mod service;
mod topic_row;

#[cfg(test)]
mod tests;

pub use alluvium_model::topic::{NewTopic, Topic};
pub use delete::DeletedTopic;
pub use error::{AddPartitionsError, AlterConfigsError, CreateTopicError, DeleteTopicError};
pub use service::Topics;
