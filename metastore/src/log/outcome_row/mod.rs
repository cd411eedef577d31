//! The outcome rows of a commit: what became of a segment, should its agent have to ask again.
//!
//! Only what the segment itself does not tell is kept: where each run began, and the batches that did not simply follow.
//! The row is cut into chunks, since thousands of batches may have been refused.
//!
//! ```text
//! key   | OUTCOME | object id: 16 (its first 6 bytes: creation time) | chunk: 2 |
//! value | part of: | version: 1 (1) | runs: varint | run ... | |
//!
//! run       | kind 0: unknown partition |
//!           | kind 1 | log start: 8 | base of its first appended batch: 8 | exceptions: varint | exception ... |
//! exception | gap before the batch's number: varint | kind: 1 | by kind |
//!           | kind 1, duplicate            | base: 8 | timestamp: 8 |
//!           | kind 2, out of order         | expected: 4 | found: 4 |
//!           | kind 3, older duplicate      | |
//!           | kind 4, fenced               | current epoch: 2 |
//! ```

mod codec;
mod exception;

#[cfg(test)]
mod tests;

pub(crate) use codec::{decode, encode};

use alluvium_model::{ObjectId, Timestamp};

use crate::{
    keyspace::{Key, Tag},
    kv::Range,
};

pub(crate) fn key(object: ObjectId, chunk: u16) -> Vec<u8> {
    Key::new(Tag::OUTCOME).object(object).chunk(chunk).bytes()
}

/// All chunks of one outcome.
pub(crate) fn chunks(object: ObjectId) -> Range {
    Range::prefix(Key::new(Tag::OUTCOME).object(object).bytes())
}

/// The outcomes of all segments created before `time`.
pub(crate) fn created_before(time: Timestamp) -> (Vec<u8>, Vec<u8>) {
    let time = Timestamp(time.0.clamp(0, (1 << 48) - 1));
    (Key::new(Tag::OUTCOME).bytes(), Key::new(Tag::OUTCOME).object(ObjectId::new(time, 0, 0)).bytes())
}
