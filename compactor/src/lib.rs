//! The compactor: rewrites segments into history files, and removes what is no longer needed.
//!
//! Owns: the plan, the rewrite and its swap, retention, purging of deleted topics, deletion of retired objects, the orphan
//! sweep. Does not own: the log's rows and their rules (metastore), the file layout (history), object access (objects).
//! Every step is one verified transaction or can be repeated, so that a crash anywhere loses and duplicates nothing.

pub mod compactor;
pub mod config;
pub mod counters;
pub mod report;

pub use compactor::Compactor;
pub use config::CompactorConfig;
pub use counters::Counters;
pub use report::Report;
