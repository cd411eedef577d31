//! The compactor: rewrites segments into history files, and removes what is no longer needed.
//!
//! Owns: the plan, the rewrite and its swap, retention, purging of deleted topics, deletion of retired objects, the
//! orphan sweep. Does not own: the log's rows and their rules (metastore), the file layout (history), object access
//! (objects).
//!
//! Invariants: every step is one verified transaction or can be repeated, so a crash anywhere neither loses nor
//! duplicates data. An object is deleted only if the metastore retired it at least one grace period ago, or if the
//! metastore never knew it and no commit can name it any more. Memory is bounded by `jobs_max` times
//! [`CompactorConfig::job_memory_bytes`], about 130 MB for what is planned, and 300 B for each partition with data at
//! level 0. What is planned are up to 420,000 extents of up to 300 B: 220,000 of one pass, with its last look, and
//! 200,000 of merges that waited before.

mod assigned_work;
mod cleanup;
mod compaction;
pub mod compactor;
pub mod config;
pub mod counters;
mod error;
mod failed_segments;
mod held_leases;
mod in_flight;
mod job_memory;
mod job_results;
mod orphan_sweep;
mod plan;
mod planned_work;
mod retention;
mod rewrite;
mod tasks;
mod upkeep;
mod work;

pub use compactor::Compactor;
pub use config::CompactorConfig;
pub use counters::{CounterMetric, Counters, Report};
pub use tasks::TaskGauges;

#[cfg(test)]
mod tests;
