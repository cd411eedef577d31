//! FoundationDB's semantics, written once above a tiny durable store.
//!
//! ```text
//! attempt ──reads──▶ snapshot (immutable, one version)       published by the committer after each batch
//!    │ commit: reads + writes
//!    ▼
//! queue ──batch──▶ committer: 1 refuse what conflicts (window of recent writes, then the batch so far)
//!                             2 fold what is left into one batch of plain rows
//!                             3 apply it durably (one fsync)
//!                             4 publish the new snapshot, fire watches, answer
//! ```
//!
//! Owns: read versions, reads of own writes, conflicts, versionstamps, atomic adds, watches, limits, group commit. Does not
//! own: bytes on disk ([`Storage`]). Invariants: versions only grow, also across restarts; a published snapshot is durable;
//! an answer follows the publication, so that who is told of a commit also reads it.

mod attempt;
mod commit_queue;
mod committer;
mod engine;
mod overlay;
mod read_set;
mod spans;
mod storage;
mod watches;
mod window;

pub(super) use engine::Embedded;
pub(super) use storage::{Batch, Rows, Snapshot, Storage, Version};
