//! The topic rows.
//!
//! ```text
//! key   | TOPIC | topic: 16 |
//! value | version: 1 (1) | topic |
//! topic | name: text | partitions: 4 | replication factor: 2 | created: 8 | configs: varint | name, value: text ... |
//!
//! key   | TOPIC_NAME | the name with '_' for '.', so that names that collide are one key |
//! value | version: 1 (1) | topic: 16 | name: text |
//!
//! key   | TOPIC_DELETED | topic: 16 |
//! value | version: 1 (1) | due: 8 | topic |
//!
//! key   | TOPIC_DUE | due: 8 | topic: 16 |
//! value | version: 1 (1) |
//! ```

use std::collections::BTreeMap;

use alluvium_model::{
    Timestamp, TopicId,
    topic::{Topic, collision_key},
};
use uuid::Uuid;

use super::DeletedTopic;
use crate::keyspace::{Key, RowError, RowReader, RowWriter, Tag};

const VERSION: u8 = 1;
/// Bytes of the shortest config: two empty texts.
const CONFIG_BYTES_MIN: usize = 2;

/// Before the keys of all topics.
pub(super) fn prefix() -> Vec<u8> {
    Key::new(Tag::TOPIC).bytes()
}

pub(super) fn key(id: TopicId) -> Vec<u8> {
    Key::new(Tag::TOPIC).topic(id).bytes()
}

pub(super) fn decode_key(key: &[u8]) -> Result<TopicId, RowError> {
    let mut key = RowReader::new("topic key", key, Tag::TOPIC.0)?;
    let id = TopicId(Uuid::from_bytes(key.array()?));
    key.finish()?;
    Ok(id)
}

pub(super) fn encode(topic: &Topic) -> Vec<u8> {
    put(RowWriter::new(VERSION), topic).finish()
}

pub(super) fn decode(id: TopicId, row: &[u8]) -> Result<Topic, RowError> {
    let mut row = RowReader::new("topic", row, VERSION)?;
    let topic = take(&mut row, id)?;
    row.finish()?;
    Ok(topic)
}

pub(super) fn name_key(name: &str) -> Vec<u8> {
    Key::new(Tag::TOPIC_NAME).raw(collision_key(name).as_bytes()).bytes()
}

pub(super) fn encode_name(id: TopicId, name: &str) -> Vec<u8> {
    RowWriter::new(VERSION).raw(id.0.as_bytes()).text(name).finish()
}

pub(super) fn decode_name(row: &[u8]) -> Result<(TopicId, String), RowError> {
    let mut row = RowReader::new("topic name", row, VERSION)?;
    let (id, name) = (TopicId(Uuid::from_bytes(row.array()?)), row.text()?);
    row.finish()?;
    Ok((id, name))
}

pub(super) fn deleted_key(id: TopicId) -> Vec<u8> {
    Key::new(Tag::TOPIC_DELETED).topic(id).bytes()
}

pub(super) fn encode_deleted(deleted: &DeletedTopic) -> Vec<u8> {
    put(RowWriter::new(VERSION).i64(deleted.due.0), &deleted.topic).finish()
}

pub(super) fn decode_deleted(id: TopicId, row: &[u8]) -> Result<DeletedTopic, RowError> {
    let mut row = RowReader::new("deleted topic", row, VERSION)?;
    let deleted = DeletedTopic { due: Timestamp(row.i64()?), topic: take(&mut row, id)? };
    row.finish()?;
    Ok(deleted)
}

pub(super) fn due_key(due: Timestamp, id: TopicId) -> Vec<u8> {
    Key::new(Tag::TOPIC_DUE).time(due).topic(id).bytes()
}

/// The keys of topics due by `now`.
pub(super) fn due_by(now: Timestamp) -> (Vec<u8>, Vec<u8>) {
    (Key::new(Tag::TOPIC_DUE).bytes(), Key::new(Tag::TOPIC_DUE).time(now.plus_ms(1)).bytes())
}

pub(super) fn encode_due() -> Vec<u8> {
    RowWriter::new(VERSION).finish()
}

pub(super) fn decode_due_key(key: &[u8]) -> Result<TopicId, RowError> {
    let mut key = RowReader::new("topic due key", key, Tag::TOPIC_DUE.0)?;
    key.i64()?;
    let id = TopicId(Uuid::from_bytes(key.array()?));
    key.finish()?;
    Ok(id)
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

        let golden = b"\x01topictopictopic0\x01\x03a.b";
        assert_eq!(encode_name(ID, "a.b"), golden);
        assert_eq!(decode_name(golden), Ok((ID, "a.b".into())));
        assert_eq!(name_key("a.b"), b"\x11a_b");
        assert_eq!(due_key(Timestamp(7), ID), b"\x13\0\0\0\0\0\0\0\x07topictopictopic0");
        assert_eq!(decode_due_key(&due_key(Timestamp(7), ID)), Ok(ID));
        assert_eq!(encode_due(), b"\x01");
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
            let _ = (decode(ID, &row), decode_deleted(ID, &row), decode_name(&row));
        }
    }
}
