//! The compactor: rewrites segments into history files, and removes what is no longer needed.
//!
//! Owns: the plan, the rewrite and its swap, retention, purging of deleted topics, deletion of retired objects, the orphan
//! sweep. Does not own: the log's rows and their rules (metastore), the file layout (history), object access (objects).
//!
//! Invariants: every step is one verified transaction or can be repeated, so that a crash anywhere loses and duplicates
//! nothing; an object is deleted only after the metastore has given it up for the whole grace, or never knew it and can
//! no longer get to know it. Memory is bounded by `jobs_max` times a few times `file_bytes_target`.

mod cleanup;
pub mod compactor;
pub mod config;
pub mod counters;
mod error;
mod held_leases;
mod plan;
pub mod report;
mod retention;
mod rewrite;
mod round;
mod survey;
mod sweep;

pub use compactor::Compactor;
pub use config::CompactorConfig;
pub use counters::{CounterMetric, Counters};
pub use report::Report;

#[cfg(test)]
mod tests;
