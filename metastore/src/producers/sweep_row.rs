//! The row that says where the sweep of idle producers continues.
//!
//! ```text
//! key   | PRODUCER_SWEEP |
//! value | version: 1 (1) | key of the last window that was read |
//! ```

use crate::keyspace::{Key, RowError, RowReader, RowWriter, Tag};

const VERSION: u8 = 1;

/// The key of the row.
pub(super) fn sweep_key() -> Vec<u8> {
    Key::new(Tag::PRODUCER_SWEEP).bytes()
}

/// The value that makes the sweep continue after the window at `last`.
pub(super) fn encode_sweep(last: &[u8]) -> Vec<u8> {
    RowWriter::new(VERSION).raw(last).finish()
}

/// The key of the last window that was read.
pub(super) fn decode_sweep(row: &[u8]) -> Result<&[u8], RowError> {
    let mut row = RowReader::new("producer sweep", row, VERSION)?;
    row.raw(row.left())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_version_1_never_change() {
        assert_eq!(encode_sweep(b"key"), b"\x01key");
        assert_eq!(decode_sweep(b"\x01key"), Ok(&b"key"[..]));
        assert_eq!(sweep_key(), [0x25]);
    }
}
