//! The keys of idempotent producers.
//!
//! ```text
//! key   | WINDOW | topic: 16 | partition: 4 | producer id: 8 |
//! ```

use alluvium_model::{ProducerId, TopicId, TopicPartition};

use crate::{
    keyspace::{Key, RowError, RowReader, Tag},
    kv::Range,
};

/// The key of the window of `producer` in `partition`.
pub(crate) fn window_key(partition: TopicPartition, producer: ProducerId) -> Vec<u8> {
    Key::new(Tag::WINDOW).partition(partition).producer(producer).bytes()
}

/// All windows of a partition.
pub(super) fn partition_windows(partition: TopicPartition) -> Range {
    Range::prefix(Key::new(Tag::WINDOW).partition(partition).bytes())
}

/// The producer whose window is at `key`.
pub(super) fn decode_producer(key: &[u8]) -> Result<ProducerId, RowError> {
    let mut reader = RowReader::part("producer window key", key);
    reader.array::<21>()?;
    let producer = ProducerId(reader.i64()?);
    reader.finish()?;
    Ok(producer)
}

/// All windows of a topic.
pub(crate) fn topic_windows(topic: TopicId) -> Range {
    Range::prefix(Key::new(Tag::WINDOW).topic(topic).bytes())
}

/// All windows.
pub(super) fn all_windows() -> Range {
    Range::prefix(Key::new(Tag::WINDOW).bytes())
}
