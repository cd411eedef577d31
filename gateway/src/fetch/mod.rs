//! The read path: offsets in, batches out.
//!
//! Owns: long polls, byte budgets, where bytes come from (recent segments, block caches, ranged reads), assigning offsets
//! to stored batches. Does not own: which extents there are (the metadata_cache and the metastore) or Kafka's messages. Invariant:
//! what one partition suffers, the others of the same fetch do not notice.

mod byte_budget;
mod cache;
mod engine;
mod list_offsets;
mod load_error;
mod loader;
mod locate;
mod memory_limiter;
mod offset_assignment;
mod read_plan;
mod records;
mod request;
mod selection;
mod serve;
mod start;

pub use engine::Fetch;
pub use load_error::LoadError;
pub use request::{FetchError, FetchPartition, FetchPlan, FetchedPartition, FoundOffset, OffsetSpec, ReadRecord};
pub use serve::{ServeError, ServedBlock};
pub use start::{CacheBytes, FetchParts, start};

#[cfg(test)]
mod tests;
