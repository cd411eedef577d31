//! The read path: from offsets to batches.
//!
//! Owns: long polls, byte budgets, the decision where bytes are read from (recent segments, caches, ranged reads; see
//! `tier`), and the assignment of offsets to stored batches. Does not own: which extents there are (`metadata_cache`
//! and the metastore), or Kafka's messages (`kafka`).
//!
//! A fetch goes through these files: `long_poll` -> `locate` -> `admission` -> `read_partitions` (`byte_budget`,
//! `read_plan`, `selection`) -> `loader` (`tier`, `cache`) -> `batch_visit` (`offset_assignment`).
//!
//! Invariant: a failure in one partition does not affect the other partitions of the same fetch.

mod admission;
mod batch_visit;
mod byte_budget;
mod cache;
mod committed;
mod decoded_records;
mod list_offsets;
mod load_error;
mod loader;
mod locate;
mod long_poll;
mod marker;
mod offset_assignment;
mod peer_serving;
mod read_partitions;
mod read_path;
mod read_plan;
mod request;
mod selection;
mod served_block;
mod tier;

pub use decoded_records::READ_BYTES_MAX;
pub use load_error::LoadError;
pub use read_path::{CacheBytes, Fetch, FetchParts, start};
pub use request::{
    FetchAnswer, FetchError, FetchPartition, FetchPlan, FetchedPartition, FoundOffset, OffsetSpec, ReadRecord,
};
pub use served_block::{ServeError, ServedBlock};

#[cfg(test)]
mod tests;
