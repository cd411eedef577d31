//! The key of an extent row.

use alluvium_model::{Offset, PartitionIndex, TopicId, TopicPartition};
use uuid::Uuid;

use crate::{
    keyspace::{Key, RowError, RowReader, Tag},
    kv::{Range, prefix_end},
};

pub(crate) fn key(partition: TopicPartition, end: Offset) -> Vec<u8> {
    Key::new(Tag::EXTENT).partition(partition).offset(end).bytes()
}

/// Before the keys of all extents of a partition.
fn partition_prefix(partition: TopicPartition) -> Vec<u8> {
    Key::new(Tag::EXTENT).partition(partition).bytes()
}

/// Before the keys of all extents of a topic.
pub(crate) fn topic_prefix(topic: TopicId) -> Vec<u8> {
    Key::new(Tag::EXTENT).topic(topic).bytes()
}

/// All extents of a partition.
pub(crate) fn all(partition: TopicPartition) -> Range {
    Range::prefix(partition_prefix(partition))
}

/// Extents of a partition from the one that contains `offset`, or else the next later one.
pub(crate) fn after(partition: TopicPartition, offset: Offset) -> Range {
    let first = Offset(offset.0.max(0)).plus(1);
    Range::new(key(partition, first), prefix_end(&partition_prefix(partition)))
}

pub(crate) fn decode_key(key: &[u8]) -> Result<(TopicPartition, Offset), RowError> {
    let mut key = RowReader::new("extent key", key, Tag::EXTENT.0)?;
    let topic = TopicId(Uuid::from_bytes(key.array()?));
    let partition = TopicPartition::new(topic, PartitionIndex(key.i32()?));
    let end = Offset(key.i64()?);
    key.finish()?;
    Ok((partition, end))
}
