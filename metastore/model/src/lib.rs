//! Pure concepts of Alluvium: ids, offsets, limits and state machines.
//!
//! Owns: the words that every other crate uses, and each rule as a function of (state, event, now). Does not own: clocks,
//! randomness, tasks, storage. Nothing here does I/O, so everything here can be re-run, replayed and simulated.

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

pub use extent::{Extent, ExtentSource};
pub use ids::{
    AgentId, ObjectId, Offset, PartitionIndex, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicId, TopicPartition,
};
