//! The keys of the feed.
//!
//! ```text
//! key   | FEED | position: 12 = versionstamp: 10, number within the transaction: 2 |
//! key   | FEED_END |      value: a counter, little-endian: 8; grows by one with every append, and is watched
//! ```

use crate::{
    keyspace::{Key, RowError, RowReader, Tag},
    kv::{Range, key_after, prefix_end},
};

use super::entry::FeedPosition;

/// The prefix of the keys of all entries.
pub(super) fn entries_prefix() -> Vec<u8> {
    Key::new(Tag::FEED).bytes()
}

/// All entries.
pub(super) fn all_entries() -> Range {
    Range::prefix(entries_prefix())
}

/// All entries after `position`.
pub(super) fn entries_after(position: &FeedPosition) -> Range {
    Range::new(key_after(&entry_key(position)), prefix_end(&entries_prefix()))
}

/// The counter that changes whenever an entry is appended.
pub(super) fn end_key() -> Vec<u8> {
    Key::new(Tag::FEED_END).bytes()
}

/// The position of the entry at `key`.
pub(super) fn decode_entry_key(key: &[u8]) -> Result<FeedPosition, RowError> {
    let mut key = RowReader::new("feed key", key, Tag::FEED.0)?;
    let position = FeedPosition(key.array()?);
    key.finish()?;
    Ok(position)
}

fn entry_key(position: &FeedPosition) -> Vec<u8> {
    Key::new(Tag::FEED).raw(&position.0).bytes()
}
