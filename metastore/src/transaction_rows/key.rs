//! The keys of transactions.
//!
//! ```text
//! state:     | TRANSACTION | 0: 1 | producer id: 8 |
//! id:        | TRANSACTION | 1: 1 | length: 2 | transactional id |
//! count:     | TRANSACTION | 2: 1 | producer id: 8 | 0: 1 |
//! begun:     | TRANSACTION | 2: 1 | producer id: 8 | 1: 1 | time: 8 |                   value: empty
//! partition: | TRANSACTION | 2: 1 | producer id: 8 | 2: 1 | topic: 16 | partition: 4 |
//! group:     | TRANSACTION | 2: 1 | producer id: 8 | 3: 1 | length: 2 | group |          value: empty
//! deadline:  | TRANSACTION | 3: 1 | deadline: 8 | producer id: 8 |
//! open:      | TRANSACTION_OPEN | topic: 16 | partition: 4 | offset of the first record: 8 |
//! aborted:   | TRANSACTION_ABORTED | topic: 16 | partition: 4 | offset of the marker: 8 |
//! ```
//!
//! All but the first two and the last exist while a transaction is open. Agents that begin it at the same time, because a
//! producer sends its first batches to several, each write a begun row and a deadline: the earliest counts.

use alluvium_model::{
    Offset, PartitionIndex, ProducerId, Timestamp, TopicId, TopicPartition, group::GroupId,
    transaction::TransactionalId,
};
use bytes::Bytes;
use uuid::Uuid;

use crate::{
    keyspace::{Key, RowError, RowReader, Tag, read_group},
    kv::{Range, key_after, prefix_end},
};

const STATE: u8 = 0;
const ID: u8 = 1;
const MEMBER: u8 = 2;
const DEADLINE: u8 = 3;
// Kinds of `MEMBER` rows.
const COUNT: u8 = 0;
const BEGUN: u8 = 1;
const PARTITION: u8 = 2;
const GROUP: u8 = 3;

fn of(kind: u8) -> Key {
    Key::new(Tag::TRANSACTION).raw(&[kind])
}

fn member_of(producer: ProducerId, kind: u8) -> Key {
    of(MEMBER).producer(producer).raw(&[kind])
}

/// The key of the state of the transactional id that has `producer`.
pub(crate) fn state_key(producer: ProducerId) -> Vec<u8> {
    of(STATE).producer(producer).bytes()
}

/// The producer whose state is at `key`.
pub(crate) fn decode_state_key(key: &[u8]) -> Result<ProducerId, RowError> {
    let mut reader = RowReader::part("transaction key", key);
    reader.array::<2>()?;
    let producer = ProducerId(reader.i64()?);
    reader.finish()?;
    Ok(producer)
}

/// The states of all producer ids after `producer`.
pub(crate) fn states_after(producer: Option<ProducerId>) -> Range {
    let prefix = of(STATE).bytes();
    let begin = producer.map_or_else(|| prefix.clone(), |producer| key_after(&state_key(producer)));
    Range::new(begin, prefix_end(&prefix))
}

/// The key of the producer id of a transactional id.
pub(crate) fn id_key(id: &TransactionalId) -> Vec<u8> {
    let length = u16::try_from(id.as_str().len()).expect("transactional ids are bounded");
    of(ID).raw(&length.to_be_bytes()).raw(id.as_str().as_bytes()).bytes()
}

/// The key of a partition of the open transaction of `producer`.
pub(crate) fn partition_key(producer: ProducerId, partition: TopicPartition) -> Vec<u8> {
    member_of(producer, PARTITION).partition(partition).bytes()
}

/// All that belongs to the open transaction of `producer`: their number, when agents began it, partitions and groups.
pub(crate) fn members_of(producer: ProducerId) -> Range {
    Range::prefix(of(MEMBER).producer(producer).bytes())
}

/// A row of [`members_of`].
pub(crate) enum MemberKey {
    /// The number of partitions and groups.
    Count,
    /// When an agent began it.
    Begun(Timestamp),
    /// A partition.
    Partition(TopicPartition),
    /// A group.
    Group(GroupId),
}

/// What a key of [`members_of`] names.
pub(crate) fn decode_member_key(key: &[u8]) -> Result<MemberKey, RowError> {
    let mut reader = RowReader::part("transaction member key", key);
    reader.array::<10>()?;
    match reader.u8()? {
        COUNT => Ok(MemberKey::Count),
        BEGUN => Ok(MemberKey::Begun(decode_begun_key(key)?)),
        PARTITION => Ok(MemberKey::Partition(decode_partition_key(key)?)),
        GROUP => Ok(MemberKey::Group(decode_group_key(key)?)),
        _ => Err(reader.malformed("kind")),
    }
}

/// The partitions of the open transaction of `producer`.
pub(crate) fn partitions_of(producer: ProducerId) -> Range {
    Range::prefix(member_of(producer, PARTITION).bytes())
}

/// The partition that a key of [`partitions_of`] names.
pub(crate) fn decode_partition_key(key: &[u8]) -> Result<TopicPartition, RowError> {
    let mut reader = RowReader::part("transaction partition key", key);
    reader.array::<11>()?;
    let topic = TopicId(Uuid::from_bytes(reader.array()?));
    let partition = TopicPartition::new(topic, PartitionIndex(reader.i32()?));
    reader.finish()?;
    Ok(partition)
}

/// The key of a group whose offsets the open transaction of `producer` commits.
pub(crate) fn group_key(producer: ProducerId, group: &GroupId) -> Vec<u8> {
    member_of(producer, GROUP).group(group).bytes()
}

/// The groups of the open transaction of `producer`.
pub(crate) fn groups_of(producer: ProducerId) -> Range {
    Range::prefix(member_of(producer, GROUP).bytes())
}

/// The group that a key of [`groups_of`] names.
fn decode_group_key(key: &[u8]) -> Result<GroupId, RowError> {
    let mut reader = RowReader::part("transaction group key", key);
    reader.array::<11>()?;
    let group = read_group(&mut reader)?;
    reader.finish()?;
    Ok(group)
}

/// The key of the deadline of the open transaction of `producer`.
pub(crate) fn deadline_key(deadline: Timestamp, producer: ProducerId) -> Vec<u8> {
    of(DEADLINE).time(deadline).producer(producer).bytes()
}

/// The deadlines after that of `after` up to `now`, the earliest first.
pub(crate) fn due_by(after: Option<(Timestamp, ProducerId)>, now: Timestamp) -> Range {
    let all = of(DEADLINE).bytes();
    let begin = after.map_or(all, |(deadline, producer)| key_after(&deadline_key(deadline, producer)));
    let end = of(DEADLINE).time(now.plus_ms(1)).bytes();
    Range::new(begin.min(end.clone()), end)
}

/// All deadlines, the earliest first.
pub(crate) fn deadlines() -> Range {
    Range::prefix(of(DEADLINE).bytes())
}

/// The deadline at `key`, and the producer whose it is.
pub(crate) fn decode_deadline_key(key: &[u8]) -> Result<(Timestamp, ProducerId), RowError> {
    let mut reader = RowReader::part("transaction deadline key", key);
    reader.array::<2>()?;
    let deadline = (Timestamp(reader.i64()?), ProducerId(reader.i64()?));
    reader.finish()?;
    Ok(deadline)
}

/// The key of an agent's note that the open transaction of `producer` began at `since`.
pub(crate) fn begun_key(producer: ProducerId, since: Timestamp) -> Vec<u8> {
    member_of(producer, BEGUN).time(since).bytes()
}

/// When the open transaction of `producer` began, the earliest first, by each agent that began it.
pub(crate) fn begun_by(producer: ProducerId) -> Range {
    Range::prefix(member_of(producer, BEGUN).bytes())
}

/// The times in the keys of `rows` of [`begun_by`].
pub(crate) fn decode_begun(rows: &[(Bytes, Bytes)]) -> Result<Vec<Timestamp>, RowError> {
    rows.iter().map(|(key, _)| decode_begun_key(key)).collect()
}

fn decode_begun_key(key: &[u8]) -> Result<Timestamp, RowError> {
    let mut reader = RowReader::part("begun transaction key", key);
    reader.array::<11>()?;
    let since = Timestamp(reader.i64()?);
    reader.finish()?;
    Ok(since)
}

/// The key of the number of partitions and groups of the open transaction of `producer`.
pub(crate) fn member_count_key(producer: ProducerId) -> Vec<u8> {
    member_of(producer, COUNT).bytes()
}

/// The key of the open transaction that has written to `partition` from `first` on.
pub(crate) fn open_key(partition: TopicPartition, first: Offset) -> Vec<u8> {
    Key::new(Tag::TRANSACTION_OPEN).partition(partition).offset(first).bytes()
}

/// The open transactions that have written to `partition`, in the order of their first records there.
pub(crate) fn open_in(partition: TopicPartition) -> Range {
    Range::prefix(Key::new(Tag::TRANSACTION_OPEN).partition(partition).bytes())
}

/// The key of the transaction that was aborted in `partition` with the marker at `last`.
pub(crate) fn aborted_key(partition: TopicPartition, last: Offset) -> Vec<u8> {
    Key::new(Tag::TRANSACTION_ABORTED).partition(partition).offset(last).bytes()
}

/// The transactions aborted in `partition` with markers at `from` or later.
pub(crate) fn aborted_from(partition: TopicPartition, from: Offset) -> Range {
    let prefix = Key::new(Tag::TRANSACTION_ABORTED).partition(partition);
    Range::new(aborted_key(partition, from), prefix_end(&prefix.bytes()))
}

/// The offset with which a key of [`open_in`] or [`aborted_from`] ends.
pub(crate) fn decode_offset(key: &[u8]) -> Result<Offset, RowError> {
    let mut reader = RowReader::part("transaction key", key);
    reader.array::<21>()?;
    let offset = Offset(reader.i64()?);
    reader.finish()?;
    Ok(offset)
}
