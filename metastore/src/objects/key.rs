//! The keys of objects.
//!
//! ```text
//! key   | OBJECT | object id: 16 |
//! key   | OBJECT_RELEASED | object id: 16 |
//!         value: a counter, little-endian: 8; references that were taken back
//! key   | RELEASED | versionstamp: 10, number within the transaction: 2 |
//! key   | RETIRED | due: 8 | object id: 16 |
//! ```
//!
//! The keys of released references are a queue in the order of the transactions. Those of retired objects are one too:
//! they sort by the time from which the object may be deleted.

use alluvium_model::{ObjectId, Timestamp};

use crate::{
    keyspace::{Key, RowError, RowReader, Tag},
    kv::Range,
};

/// The key of the row of object `id`.
pub(crate) fn object_key(id: ObjectId) -> Vec<u8> {
    Key::new(Tag::OBJECT).object(id).bytes()
}

/// The key of the counter of references to object `id` that were taken back.
pub(super) fn released_count_key(id: ObjectId) -> Vec<u8> {
    Key::new(Tag::OBJECT_RELEASED).object(id).bytes()
}

/// The prefix of the keys of the queue of released references.
pub(super) fn released_prefix() -> Vec<u8> {
    Key::new(Tag::RELEASED).bytes()
}

/// The queue of released references.
pub(super) fn released_queue() -> Range {
    Range::prefix(released_prefix())
}

/// The retire queue.
pub(super) fn retired_queue() -> Range {
    Range::prefix(Key::new(Tag::RETIRED).bytes())
}

/// The key of a retired object in the retire queue.
pub(super) fn retired_key(due: Timestamp, id: ObjectId) -> Vec<u8> {
    Key::new(Tag::RETIRED).time(due).object(id).bytes()
}

/// The part of the retire queue that is due by `now`.
pub(super) fn retired_by(now: Timestamp) -> Range {
    Range::new(Key::new(Tag::RETIRED).bytes(), Key::new(Tag::RETIRED).time(now.plus_ms(1)).bytes())
}

/// The due time and the object that a key of the retire queue holds.
pub(super) fn decode_retired_key(key: &[u8]) -> Result<(Timestamp, ObjectId), RowError> {
    let mut key = RowReader::new("retired key", key, Tag::RETIRED.0)?;
    let (due, id) = (Timestamp(key.i64()?), ObjectId(key.array()?));
    key.finish()?;
    Ok((due, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retire_queue_is_ordered_by_due_time() {
        let at = |due| retired_key(Timestamp(due), ObjectId([0xff; 16]));
        let end = retired_by(Timestamp(6)).end;
        assert!(at(5) < at(6) && at(6) < end && end < at(7));
    }
}
