//! A topic as handlers see it.

use alluvium_metastore::topics::Topic;
use alluvium_model::topic_config::TopicConfigs;
use alluvium_model::{PartitionIndex, TopicPartition};

/// A topic and what its overrides mean.
#[derive(Clone, Debug)]
pub struct CachedTopic {
    /// As it is stored.
    pub topic: Topic,
    /// Its overrides and defaults, typed.
    pub configs: TopicConfigs,
}

impl CachedTopic {
    /// Reads the overrides once.
    #[must_use]
    pub fn new(topic: Topic) -> Self {
        let configs = TopicConfigs::of_stored(&topic.configs);
        Self { topic, configs }
    }

    /// The partition numbered `index`, if the topic has it.
    #[must_use]
    pub fn partition(&self, index: i32) -> Option<TopicPartition> {
        (0..self.topic.partitions).contains(&index).then(|| TopicPartition::new(self.topic.id, PartitionIndex(index)))
    }
}
