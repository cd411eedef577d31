//! The row that says how far the feed is trimmed.
//!
//! ```text
//! key   | FEED_TRIMMED |
//! value | version: 1 (1) | position of the last entry that was trimmed: 12 |
//! ```

use super::entry::FeedPosition;
use crate::keyspace::{Key, RowError, RowReader, RowWriter, Tag};

const VERSION: u8 = 1;

/// The key of the row.
pub(super) fn trimmed_key() -> Vec<u8> {
    Key::new(Tag::FEED_TRIMMED).bytes()
}

/// The value for a feed that is trimmed up to and including `position`.
pub(super) fn encode_trimmed(position: &FeedPosition) -> Vec<u8> {
    RowWriter::new(VERSION).raw(&position.0).finish()
}

/// The position of the last entry that was trimmed.
pub(super) fn decode_trimmed(row: &[u8]) -> Result<FeedPosition, RowError> {
    let mut row = RowReader::new("feed trimmed", row, VERSION)?;
    let position = FeedPosition(row.array()?);
    row.finish()?;
    Ok(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_version_1_never_change() {
        let position = FeedPosition(*b"0123456789ab");
        assert_eq!(encode_trimmed(&position), b"\x010123456789ab");
        assert_eq!(decode_trimmed(b"\x010123456789ab"), Ok(position));
        assert_eq!(trimmed_key(), [0x42]);
    }
}
