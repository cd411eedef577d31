//! The read path: offsets in, batches out.
//!
//! Owns: long polls, byte budgets, where bytes come from (recent segments, block caches, ranged reads), assigning offsets
//! to stored batches. Does not own: which extents there are (the view and the metastore) or Kafka's messages. Invariant:
//! what one partition suffers, the others of the same fetch do not notice.

mod engine;
mod request;

pub use engine::Fetch;
pub use request::{FetchError, FetchPartition, FetchPlan, FetchedPartition, FoundOffset, OffsetSpec, ReadRecord};
