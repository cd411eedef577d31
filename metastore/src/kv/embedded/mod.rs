//! FoundationDB's semantics, written once above a small durable store.
//!
//! ```text
//! attempt ──reads──▶ snapshot (immutable, one version)       published by the committer after each batch
//!    │ commit: reads + writes
//!    ▼
//! commit queue ──batch──▶ committer: 1 reject what conflicts (with recent commits, then with the batch so far)
//!                                    2 fold the rest into one batch of plain rows
//!                                    3 apply it durably (one fsync), beside the writes of the objects it needs
//!                                    4 publish the new snapshot, fire watches, answer
//! ```
//!
//! Owns: read versions, reads of own writes, conflicts, versionstamps, atomic adds, watches, limits, group commit. Does
//! not own: bytes on disk ([`Storage`]). Invariants: versions only grow, also across restarts; a published snapshot is
//! durable; an answer follows the publication, so a client that got its commit's answer also reads that commit.
//!
//! The files, from the top: `engine`, `attempt`, `commit_queue`, `committer`, `state`, then the pure parts.

mod attempt;
mod commit_queue;
mod committer;
mod conflict_window;
mod engine;
mod overlay;
mod range_set;
mod read_set;
mod state;
mod storage;
mod submission;
mod watches;
mod write_tree;

pub(super) use engine::Embedded;
pub(super) use storage::{Batch, InDoubt, Rows, Snapshot, Storage, Version};
