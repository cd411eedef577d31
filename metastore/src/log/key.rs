//! The keys of what is stored about a partition as a whole.
//!
//! ```text
//! key   | HEAD | topic: 16 | partition: 4 |
//! key   | LOG_START | topic: 16 | partition: 4 |
//! key   | LOG_REMOVED | topic: 16 | partition: 4 |
//!         value: a counter, little-endian: 8; bytes that trims and swaps removed, less those that swaps added
//! ```
//!
//! A partition that was never trimmed has no log start row: its log starts at 0.

use alluvium_model::{TopicId, TopicPartition};

use crate::{
    keyspace::{Key, Tag},
    kv::{Tx, prefix_end},
};

/// The key of the head of `partition`.
pub(crate) fn head_key(partition: TopicPartition) -> Vec<u8> {
    Key::new(Tag::HEAD).partition(partition).bytes()
}

/// The key of the log start of `partition`.
pub(super) fn start_key(partition: TopicPartition) -> Vec<u8> {
    Key::new(Tag::LOG_START).partition(partition).bytes()
}

/// The key of the counter of bytes removed from `partition`.
pub(super) fn removed_key(partition: TopicPartition) -> Vec<u8> {
    Key::new(Tag::LOG_REMOVED).partition(partition).bytes()
}

/// Clears the rows of all partitions of a topic, each kind as one range: whatever has read one of them, even one that
/// did not exist, conflicts with that.
pub(crate) fn clear_topic(tx: &Tx, topic: TopicId) {
    for tag in [Tag::HEAD, Tag::LOG_START, Tag::LOG_REMOVED, Tag::TRANSACTION_OPEN, Tag::TRANSACTION_ABORTED] {
        let prefix = Key::new(tag).topic(topic).bytes();
        tx.clear_range(&prefix, &prefix_end(&prefix));
    }
}
