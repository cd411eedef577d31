//! The agent's picture of the cluster, kept up to date by the feed.
//!
//! Owns: topics with typed configs, heads, recent extents (bounded), who waits for which partition. Does not own: the
//! truth (the metastore). Invariants: heads only grow; after [`View::sync`] everything committed before the call is in the
//! picture; a change of a partition wakes everyone who began to watch it before the change was applied.

mod error;
mod handle;
mod topic;

pub use error::ViewError;
pub use handle::View;
pub use topic::TopicView;
