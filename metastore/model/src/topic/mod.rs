//! Topics: their properties, and which names and sizes are legal.
//!
//! Owns: the rules. Does not own: the meaning of configs (`topic_config`), the logs of partitions (`log`), rows.

mod name;
mod size;

use std::collections::BTreeMap;

pub use name::{InvalidName, check_name, collision_key};
pub use size::{InvalidSize, check_configs, check_partitions};

use crate::{PartitionIndex, Timestamp, TopicId, TopicPartition};

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its id, which never changes and is never used again.
    pub id: TopicId,
    /// Its name. Once it is deleted, another topic may get it.
    pub name: String,
    /// Number of partitions: they are numbered from 0.
    pub partitions: i32,
    /// The replication factor that was requested: shown to clients, without effect here.
    pub replication_factor: i16,
    /// Config overrides, by name.
    pub configs: BTreeMap<String, String>,
    /// The time of its creation, ms.
    pub created: Timestamp,
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// A new random id. It also distinguishes a repeated creation from another topic of the same name.
    pub id: TopicId,
    /// Its name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// The replication factor that was requested.
    pub replication_factor: i16,
    /// Config overrides, already validated.
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
