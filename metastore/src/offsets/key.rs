//! Keys of committed offsets.
//!
//! ```text
//! offset:  | tag: 1 | 0: 1 | group length: 2 | group | topic id: 16 | partition: 4 |  -> row
//! index:   | tag: 1 | 1: 1 | topic id: 16 | group length: 2 | group |                 -> nothing
//! ```

use alluvium_model::{PartitionIndex, TopicId, TopicPartition, group::GroupId};
use uuid::Uuid;

use crate::{
    groups::{length_prefixed, read_group},
    keyspace::{Key, RowError, RowReader, Tag},
    kv::Range,
};

const OFFSET: u8 = 0;
const INDEX: u8 = 1;

pub(super) fn offset_key(group: &GroupId, partition: TopicPartition) -> Vec<u8> {
    of_group(group).partition(partition).bytes()
}

/// All offsets of `group`.
pub(super) fn group_range(group: &GroupId) -> Range {
    Range::prefix(of_group(group).bytes())
}

/// All offsets of `group` in `topic`.
pub(super) fn topic_range(group: &GroupId, topic: TopicId) -> Range {
    Range::prefix(of_group(group).topic(topic).bytes())
}

fn of_group(group: &GroupId) -> Key {
    length_prefixed(Key::new(Tag::GROUP_OFFSET).raw(&[OFFSET]), group)
}

/// The partition whose offset is at `key`.
pub(super) fn partition_of(key: &[u8]) -> Result<TopicPartition, RowError> {
    let mut reader = RowReader::part("offset key", key);
    reader.array::<2>()?;
    read_group(&mut reader)?;
    let topic = TopicId(Uuid::from_bytes(reader.array()?));
    let partition = PartitionIndex(reader.i32()?);
    reader.finish()?;
    Ok(TopicPartition::new(topic, partition))
}

pub(super) fn index_key(topic: TopicId, group: &GroupId) -> Vec<u8> {
    length_prefixed(of_topic(topic), group).bytes()
}

/// The groups that have offsets in `topic`.
pub(super) fn index_range(topic: TopicId) -> Range {
    Range::prefix(of_topic(topic).bytes())
}

/// The group that an index key names.
pub(super) fn indexed_group(key: &[u8]) -> Result<GroupId, RowError> {
    let mut reader = RowReader::part("offset index key", key);
    reader.array::<18>()?;
    let group = read_group(&mut reader)?;
    reader.finish()?;
    Ok(group)
}

fn of_topic(topic: TopicId) -> Key {
    Key::new(Tag::GROUP_OFFSET).raw(&[INDEX]).topic(topic)
}
