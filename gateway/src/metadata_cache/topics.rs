//! All topics, by name and by id. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use alluvium_model::TopicId;

use super::CachedTopic;

/// The topics there are.
#[derive(Debug, Default)]
pub struct TopicIndex {
    by_id: HashMap<TopicId, Arc<CachedTopic>>,
    by_name: BTreeMap<String, Arc<CachedTopic>>,
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

    /// All, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<CachedTopic>> {
        self.by_name.values().cloned().collect()
    }

    /// How `id` is now: `None` where it is no more. What it was.
    pub fn put(&mut self, id: TopicId, topic: Option<Arc<CachedTopic>>) -> Option<Arc<CachedTopic>> {
        let before = self.by_id.remove(&id);
        if let Some(before) = &before
            && self.by_name.get(&before.topic.name).is_some_and(|named| named.topic.id == id)
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
