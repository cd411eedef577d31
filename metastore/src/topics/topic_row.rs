//! The values of a topic's row, and of its row once it is deleted.
//!
//! ```text
//! TOPIC         | version: 1 (1) | topic |
//! TOPIC_DELETED | version: 1 (1) | due: 8 | topic |
//! topic         | name: text | partitions: 4 | replication factor: 2 | created: 8 | configs: varint | config ... |
//! config        | name: text | value: text |
//! ```

use std::collections::BTreeMap;

use alluvium_model::{Timestamp, TopicId, topic::Topic};

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;
/// Bytes of the shortest config: two empty texts.
const CONFIG_BYTES_MIN: usize = 2;

/// A deleted topic whose records are still to be purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// The topic as it was.
    pub topic: Topic,
    /// The time from which it may be purged, ms.
    pub due: Timestamp,
}

/// The value of the row of `topic`.
pub(super) fn encode(topic: &Topic) -> Vec<u8> {
    put(RowWriter::new(VERSION), topic).finish()
}

/// The topic of a row whose key says that it is `id`.
pub(super) fn decode(id: TopicId, row: &[u8]) -> Result<Topic, RowError> {
    let mut row = RowReader::new("topic", row, VERSION)?;
    let topic = take(&mut row, id)?;
    row.finish()?;
    Ok(topic)
}

/// The value of the row of a deleted topic.
pub(super) fn encode_deleted(deleted: &DeletedTopic) -> Vec<u8> {
    put(RowWriter::new(VERSION).i64(deleted.due.0), &deleted.topic).finish()
}

/// The deleted topic of a row whose key says that it is `id`.
pub(super) fn decode_deleted(id: TopicId, row: &[u8]) -> Result<DeletedTopic, RowError> {
    let mut row = RowReader::new("deleted topic", row, VERSION)?;
    let deleted = DeletedTopic { due: Timestamp(row.i64()?), topic: take(&mut row, id)? };
    row.finish()?;
    Ok(deleted)
}

fn put(row: RowWriter, topic: &Topic) -> RowWriter {
    let Topic { id: _, name, partitions, replication_factor, configs, created } = topic;
    let row = row.text(name).i32(*partitions).i16(*replication_factor).i64(created.0).count(configs.len());
    configs.iter().fold(row, |row, (name, value)| row.text(name).text(value))
}

fn take(row: &mut RowReader<'_>, id: TopicId) -> Result<Topic, RowError> {
    let name = row.text()?;
    let (partitions, replication_factor, created) = (row.i32()?, row.i16()?, Timestamp(row.i64()?));
    let mut configs = BTreeMap::new();
    for _ in 0..row.count(CONFIG_BYTES_MIN)? {
        configs.insert(row.text()?, row.text()?);
    }
    Ok(Topic { id, name, partitions, replication_factor, configs, created })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const ID: TopicId = TopicId(Uuid::from_bytes(*b"topictopictopic0"));

    fn topic() -> Topic {
        Topic {
            id: ID,
            name: "a.b".into(),
            partitions: 3,
            replication_factor: 1,
            configs: BTreeMap::from([("retention.ms".into(), "5".into())]),
            created: Timestamp(256),
        }
    }

    #[test]
    fn bytes_of_version_1_never_change() {
        let rest = b"\x01\x03a.b\0\0\0\x03\0\x01\0\0\0\0\0\0\x01\0\x01\x01\x01\x0cretention.ms\x01\x015";
        let golden = [&b"\x01"[..], rest].concat();
        assert_eq!(encode(&topic()), golden);
        assert_eq!(decode(ID, &golden), Ok(topic()));

        let deleted = DeletedTopic { topic: topic(), due: Timestamp(7) };
        let golden = [&b"\x01\0\0\0\0\0\0\0\x07"[..], rest].concat();
        assert_eq!(encode_deleted(&deleted), golden);
        assert_eq!(decode_deleted(ID, &golden), Ok(deleted));
    }

    proptest! {
        #[test]
        fn every_topic_survives_its_row(
            name: String, partitions: i32, replication_factor: i16, created: i64,
            configs in prop::collection::btree_map(any::<String>(), any::<String>(), 0..5),
        ) {
            let topic =
                Topic { id: ID, name, partitions, replication_factor, configs, created: Timestamp(created) };
            prop_assert_eq!(decode(ID, &encode(&topic)), Ok(topic));
        }

        #[test]
        fn any_bytes_are_a_topic_or_an_error(mut row: Vec<u8>) {
            let _ = decode(ID, &row);
            row.insert(0, VERSION);
            let _ = (decode(ID, &row), decode_deleted(ID, &row));
        }
    }
}
