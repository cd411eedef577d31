//! Topics: created, altered, deleted softly, purged in steps.
//!
//! Owns: topic rows, the name index, deleted topics. Creates and removes heads with their topic. Does not own: what names,
//! sizes and configs are legal (model), committed offsets of deleted topics (the caller purges those beside
//! [`Topics::purge`]).
//! Invariants: of two topics whose names collide at most one exists; a partition has a head exactly as long as its topic
//! exists, so that a commit tells from heads alone which partitions there are.

mod error;
mod service;

pub use alluvium_model::topic::{NewTopic, Topic};
pub use error::{AddPartitionsError, AlterConfigsError, CreateTopicError, DeleteTopicError};
pub use service::{DeletedTopic, Topics};
