//! The key of the head row.
//!
//! ```text
//! key   | HEAD | topic: 16 | partition: 4 |
//! ```

use alluvium_model::{TopicId, TopicPartition};

use crate::keyspace::{Key, Tag};

/// The key of the head of `partition`.
pub(crate) fn head_key(partition: TopicPartition) -> Vec<u8> {
    Key::new(Tag::HEAD).partition(partition).bytes()
}

/// The prefix of the keys of all heads of a topic.
pub(crate) fn topic_heads_prefix(topic: TopicId) -> Vec<u8> {
    Key::new(Tag::HEAD).topic(topic).bytes()
}
