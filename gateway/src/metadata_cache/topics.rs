//! Cached topics, by name and by id. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use alluvium_metastore::topics::Topic;
use alluvium_model::topic_config::TopicConfigs;
use alluvium_model::{PartitionIndex, TopicId, TopicPartition};

/// A topic and its configs.
#[derive(Clone, Debug)]
pub struct CachedTopic {
    /// The topic as it is stored.
    pub topic: Topic,
    /// The topic's overrides and the defaults, typed.
    pub configs: TopicConfigs,
}

impl CachedTopic {
    /// Parses the overrides of `topic`, once.
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

/// All topics that exist.
#[derive(Debug, Default)]
pub struct TopicIndex {
    by_id: HashMap<TopicId, Arc<CachedTopic>>,
    by_name: BTreeMap<String, Arc<CachedTopic>>,
    changes: u64,
}

impl TopicIndex {
    /// The topic called `name`.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<Arc<CachedTopic>> {
        self.by_name.get(name).cloned()
    }

    /// The topic with this id.
    #[must_use]
    pub fn by_id(&self, id: TopicId) -> Option<Arc<CachedTopic>> {
        self.by_id.get(&id).cloned()
    }

    /// All topics, ordered by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<CachedTopic>> {
        self.by_name.values().cloned().collect()
    }

    /// How often a topic was replaced or removed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Replaces the topic `id`, or removes it if `topic` is `None`. Returns the topic as it was before.
    pub fn put(&mut self, id: TopicId, topic: Option<Arc<CachedTopic>>) -> Option<Arc<CachedTopic>> {
        self.changes += 1;
        let before = self.by_id.remove(&id);
        if let Some(before) = &before
            && self.by_name.get(&before.topic.name).is_some_and(|same_name| same_name.topic.id == id)
        {
            self.by_name.remove(&before.topic.name);
        }
        if let Some(topic) = topic {
            self.by_name.insert(topic.topic.name.clone(), Arc::clone(&topic));
            self.by_id.insert(id, topic);
        }
        before
    }
}
