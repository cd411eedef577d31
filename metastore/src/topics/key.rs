//! The keys of topics.
//!
//! ```text
//! key   | TOPIC | topic: 16 |
//! key   | TOPIC_NAME | the name with '_' for '.', so that names that collide are one key |
//! key   | TOPIC_DELETED | topic: 16 |
//! key   | TOPIC_DUE | due: 8 | topic: 16 |      value: | version: 1 (1) |
//! ```

use alluvium_model::{Timestamp, TopicId, topic::collision_key};
use uuid::Uuid;

use crate::{
    keyspace::{Key, RowError, RowReader, RowWriter, Tag},
    kv::Range,
};

const DUE_VERSION: u8 = 1;

/// All topics.
pub(super) fn all_topics() -> Range {
    Range::prefix(Key::new(Tag::TOPIC).bytes())
}

/// The key of the row of topic `id`.
pub(super) fn topic_key(id: TopicId) -> Vec<u8> {
    Key::new(Tag::TOPIC).topic(id).bytes()
}

/// The topic whose row is at `key`.
pub(super) fn decode_topic_key(key: &[u8]) -> Result<TopicId, RowError> {
    let mut key = RowReader::new("topic key", key, Tag::TOPIC.0)?;
    let id = TopicId(Uuid::from_bytes(key.array()?));
    key.finish()?;
    Ok(id)
}

/// The key in the name index of `name`, and of all names that collide with it.
pub(super) fn name_key(name: &str) -> Vec<u8> {
    Key::new(Tag::TOPIC_NAME).raw(collision_key(name).as_bytes()).bytes()
}

/// The key of the row of the deleted topic `id`.
pub(super) fn deleted_key(id: TopicId) -> Vec<u8> {
    Key::new(Tag::TOPIC_DELETED).topic(id).bytes()
}

/// The key of the deleted topic `id` in the queue of topics to be purged.
pub(super) fn due_key(due: Timestamp, id: TopicId) -> Vec<u8> {
    Key::new(Tag::TOPIC_DUE).time(due).topic(id).bytes()
}

/// The value of every row of that queue: all that matters is in its key.
pub(super) fn due_value() -> Vec<u8> {
    RowWriter::new(DUE_VERSION).finish()
}

/// The part of that queue that is due by `now`.
pub(super) fn due_by(now: Timestamp) -> Range {
    Range::new(Key::new(Tag::TOPIC_DUE).bytes(), Key::new(Tag::TOPIC_DUE).time(now.plus_ms(1)).bytes())
}

/// The topic that a key of that queue holds.
pub(super) fn decode_due_key(key: &[u8]) -> Result<TopicId, RowError> {
    let mut key = RowReader::new("topic due key", key, Tag::TOPIC_DUE.0)?;
    key.i64()?;
    let id = TopicId(Uuid::from_bytes(key.array()?));
    key.finish()?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TopicId = TopicId(Uuid::from_bytes(*b"topictopictopic0"));

    #[test]
    fn keys_never_change() {
        assert_eq!(name_key("a.b"), b"\x11a_b");
        assert_eq!(due_key(Timestamp(7), ID), b"\x13\0\0\0\0\0\0\0\x07topictopictopic0");
        assert_eq!(decode_due_key(&due_key(Timestamp(7), ID)), Ok(ID));
        assert_eq!(due_value(), b"\x01");
        assert_eq!(decode_topic_key(&topic_key(ID)), Ok(ID));
    }
}
