//! The key of an extent row.
//!
//! ```text
//! key   | EXTENT | topic: 16 | partition: 4 | end offset: 8 |
//! ```
//!
//! The end offset orders the extents of a partition, so that the first row after the key of end offset `o` is the
//! extent that contains offset `o`, or else the next later one: a lookup is one bounded range read.

use std::ops;

use alluvium_model::{Offset, PartitionIndex, TopicId, TopicPartition};
use uuid::Uuid;

use crate::{
    keyspace::{Key, RowError, RowReader, Tag},
    kv::{Range, prefix_end},
};

/// The key of the extent of `partition` that ends at `end`.
pub(crate) fn extent_key(partition: TopicPartition, end: Offset) -> Vec<u8> {
    Key::new(Tag::EXTENT).partition(partition).offset(end).bytes()
}

/// The prefix of the keys of all extents of a partition.
fn partition_prefix(partition: TopicPartition) -> Vec<u8> {
    Key::new(Tag::EXTENT).partition(partition).bytes()
}

/// The prefix of the keys of all extents of a topic.
pub(crate) fn topic_prefix(topic: TopicId) -> Vec<u8> {
    Key::new(Tag::EXTENT).topic(topic).bytes()
}

/// The extents of a partition that end at or below `end`.
pub(crate) fn up_to(partition: TopicPartition, end: Offset) -> Range {
    Range::new(partition_prefix(partition), extent_key(partition, end.plus(1)))
}

/// The extents of a partition that end within `offsets`: above its start, and at or below its end.
pub(crate) fn within(partition: TopicPartition, offsets: &ops::Range<Offset>) -> Range {
    Range::new(extent_key(partition, offsets.start.plus(1)), extent_key(partition, offsets.end.plus(1)))
}

/// The extents of a partition from the one that contains `offset`, or else from the next later one.
pub(crate) fn from(partition: TopicPartition, offset: Offset) -> Range {
    let first = Offset(offset.0.max(0)).plus(1);
    Range::new(extent_key(partition, first), prefix_end(&partition_prefix(partition)))
}

/// The partition and the end offset that the key of an extent row holds.
pub(crate) fn decode_key(key: &[u8]) -> Result<(TopicPartition, Offset), RowError> {
    let mut key = RowReader::new("extent key", key, Tag::EXTENT.0)?;
    let topic = TopicId(Uuid::from_bytes(key.array()?));
    let partition = TopicPartition::new(topic, PartitionIndex(key.i32()?));
    let end = Offset(key.i64()?);
    key.finish()?;
    Ok((partition, end))
}
