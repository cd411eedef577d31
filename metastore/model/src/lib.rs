//! Pure concepts of Alluvium: ids, offsets, limits and state machines.
//!
//! Owns: the types that all other crates share, and the rules of the concepts as functions of (state, event, now). Does
//! not own: clocks, randomness, tasks, storage, Kafka's messages (and so not the admission of produced batches, which
//! decodes them). Nothing here does I/O, so everything here can be run again, replayed and simulated.

pub mod compaction_load;
pub mod extent;
pub mod group;
pub mod ids;
pub mod lease;
pub mod limits;
pub mod log;
pub mod node;
pub mod object_key;
pub mod placement;
pub mod producer;
pub mod topic;
pub mod topic_config;
pub mod transaction;

pub use compaction_load::CompactionLoad;
pub use extent::{Extent, ExtentSource};
pub use ids::{
    AgentId, ObjectId, Offset, PartitionIndex, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicId, TopicPartition,
};
