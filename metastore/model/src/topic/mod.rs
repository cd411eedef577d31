//! Topics: what one is, which names and sizes are legal.
//!
//! Owns: the rules. Does not own: what a config means (`topic_config`), partitions' logs (`log`), rows.

mod name;
mod size;

use std::collections::BTreeMap;

pub use name::{InvalidName, check_name, collision_key};
pub use size::{InvalidSize, check_configs, check_partitions};

use crate::{PartitionIndex, Timestamp, TopicId, TopicPartition};

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// For ever.
    pub id: TopicId,
    /// Until it is deleted; another topic may have it then.
    pub name: String,
    /// Partitions 0 to this, exclusive.
    pub partitions: i32,
    /// As asked for: shown to clients, without meaning here.
    pub replication_factor: i16,
    /// Configs that differ from the defaults.
    pub configs: BTreeMap<String, String>,
    /// When it was created.
    pub created: Timestamp,
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// A fresh random id: it also tells a repeated creation from another topic of the same name.
    pub id: TopicId,
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// As asked for.
    pub replication_factor: i16,
    /// Overrides, already validated.
    pub configs: BTreeMap<String, String>,
}

impl NewTopic {
    /// The topic that it becomes at `created`.
    #[must_use]
    pub fn created(self, created: Timestamp) -> Topic {
        let Self { id, name, partitions, replication_factor, configs } = self;
        Topic { id, name, partitions, replication_factor, configs, created }
    }
}

impl Topic {
    /// All its partitions, in order.
    pub fn all_partitions(&self) -> impl Iterator<Item = TopicPartition> + use<> {
        let id = self.id;
        (0..self.partitions).map(move |n| TopicPartition::new(id, PartitionIndex(n)))
    }
}
