//! The row of the producer id counter.
//!
//! ```text
//! key   | PRODUCER_NEXT |
//! value | version: 1 (1) | the next producer id: 8 |
//! ```

use alluvium_model::ProducerId;

use crate::keyspace::{Key, RowError, RowReader, RowWriter, Tag};

const VERSION: u8 = 1;

/// The key of the counter.
pub(super) fn next_id_key() -> Vec<u8> {
    Key::new(Tag::PRODUCER_NEXT).bytes()
}

/// The value that makes `next` the next id to be given.
pub(super) fn encode_next_id(next: ProducerId) -> Vec<u8> {
    RowWriter::new(VERSION).i64(next.0).finish()
}

/// The next id to be given.
pub(super) fn decode_next_id(row: &[u8]) -> Result<ProducerId, RowError> {
    RowReader::whole("next producer", row, VERSION, |row| row.i64().map(ProducerId))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_version_1_never_change() {
        let golden = b"\x01\0\0\0\0\0\0\x01\x02";
        assert_eq!(encode_next_id(ProducerId(258)), golden);
        assert_eq!(decode_next_id(golden), Ok(ProducerId(258)));
        assert_eq!(next_id_key(), [0x24]);
    }
}
