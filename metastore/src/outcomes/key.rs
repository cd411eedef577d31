//! The keys of outcome rows.
//!
//! ```text
//! key   | OUTCOME | object id: 16 (its first 6 bytes: creation time) | chunk: 2 |
//! ```

use alluvium_model::{ObjectId, Timestamp};

use crate::{
    keyspace::{Key, Tag},
    kv::Range,
};

/// The key of one chunk of the outcome of segment `object`.
pub(crate) fn outcome_key(object: ObjectId, chunk: u16) -> Vec<u8> {
    Key::new(Tag::OUTCOME).object(object).chunk(chunk).bytes()
}

/// All chunks of one outcome.
pub(crate) fn chunks(object: ObjectId) -> Range {
    Range::prefix(Key::new(Tag::OUTCOME).object(object).bytes())
}

/// Begin and end of the keys of the outcomes of all segments created before `time`.
pub(crate) fn created_before(time: Timestamp) -> (Vec<u8>, Vec<u8>) {
    let time = Timestamp(time.0.clamp(0, (1 << 48) - 1));
    (Key::new(Tag::OUTCOME).bytes(), Key::new(Tag::OUTCOME).object(ObjectId::new(time, 0, 0)).bytes())
}
