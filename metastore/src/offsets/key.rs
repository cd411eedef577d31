//! The keys of committed offsets, and of their index by topic.
//!
//! ```text
//! offset: | GROUP_OFFSET | 0: 1 | length: 2 | group | topic: 16 | partition: 4 |
//! index:  | GROUP_OFFSET | 1: 1 | topic: 16 | length: 2 | group |      value: empty
//! pending: | GROUP_OFFSET | 2: 1 | length: 2 | group | producer id: 8 | topic: 16 | partition: 4 |
//! ```

use alluvium_model::{PartitionIndex, ProducerId, TopicId, TopicPartition, group::GroupId};
use uuid::Uuid;

use crate::{
    keyspace::{Key, RowError, RowReader, Tag, read_group},
    kv::Range,
};

const OFFSET: u8 = 0;
const INDEX: u8 = 1;
const PENDING: u8 = 2;

/// The key of the offset that `group` has committed for `partition`.
pub(super) fn offset_key(group: &GroupId, partition: TopicPartition) -> Vec<u8> {
    of_group(group).partition(partition).bytes()
}

/// All offsets of `group`.
pub(crate) fn group_range(group: &GroupId) -> Range {
    Range::prefix(of_group(group).bytes())
}

/// All offsets of `group` in `topic`.
pub(crate) fn topic_range(group: &GroupId, topic: TopicId) -> Range {
    Range::prefix(of_group(group).topic(topic).bytes())
}

fn of_group(group: &GroupId) -> Key {
    Key::new(Tag::GROUP_OFFSET).raw(&[OFFSET]).group(group)
}

/// The partition whose offset is at `key`.
pub(crate) fn partition_of(key: &[u8]) -> Result<TopicPartition, RowError> {
    let mut reader = RowReader::part("offset key", key);
    reader.array::<2>()?;
    read_group(&mut reader)?;
    let topic = TopicId(Uuid::from_bytes(reader.array()?));
    let partition = PartitionIndex(reader.i32()?);
    reader.finish()?;
    Ok(TopicPartition::new(topic, partition))
}

/// The key of the offset that the open transaction of `producer` commits for `partition`.
pub(super) fn pending_key(group: &GroupId, producer: ProducerId, partition: TopicPartition) -> Vec<u8> {
    pending_of(group).producer(producer).partition(partition).bytes()
}

/// The pending offsets of `group`: those of all transactions, or of that of `producer`.
pub(super) fn pending_range(group: &GroupId, producer: Option<ProducerId>) -> Range {
    let key = pending_of(group);
    Range::prefix(producer.map_or(key.clone(), |producer| key.producer(producer)).bytes())
}

/// The partition whose pending offset is at `key`.
pub(super) fn pending_partition_of(key: &[u8]) -> Result<TopicPartition, RowError> {
    let mut reader = RowReader::part("pending offset key", key);
    reader.array::<2>()?;
    read_group(&mut reader)?;
    reader.array::<8>()?;
    let topic = TopicId(Uuid::from_bytes(reader.array()?));
    let partition = PartitionIndex(reader.i32()?);
    reader.finish()?;
    Ok(TopicPartition::new(topic, partition))
}

fn pending_of(group: &GroupId) -> Key {
    Key::new(Tag::GROUP_OFFSET).raw(&[PENDING]).group(group)
}

/// The key of the index row that says that `group` has offsets in `topic`.
pub(crate) fn index_key(topic: TopicId, group: &GroupId) -> Vec<u8> {
    of_topic(topic).group(group).bytes()
}

/// The index rows of all groups that have offsets in `topic`.
pub(super) fn index_range(topic: TopicId) -> Range {
    Range::prefix(of_topic(topic).bytes())
}

/// The group that the key of an index row names.
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
