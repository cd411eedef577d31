//! The value of a row of the queue of released references: the objects that one transaction took references back from.
//!
//! ```text
//! value | version: 1 (1) | time of the transaction: 8 | objects: varint | object id: 16 ... |
//! ```

use alluvium_model::{ObjectId, Timestamp};

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;
/// Objects in one row: 8 kB, so that a page of rows is one answer of the store.
pub(super) const RELEASED_IDS_MAX: usize = 500;
/// Bytes of an object's id.
const ID_BYTES: usize = 16;

/// References that one transaction took back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Released {
    /// The time of the transaction, ms.
    pub at: Timestamp,
    /// The objects, each once.
    pub ids: Vec<ObjectId>,
}

/// The value of a row.
pub(super) fn encode_released(released: &Released) -> Vec<u8> {
    let row = RowWriter::new(VERSION).i64(released.at.0).count(released.ids.len());
    released.ids.iter().fold(row, |row, id| row.raw(&id.0)).finish()
}

/// What a row holds.
pub(super) fn decode_released(row: &[u8]) -> Result<Released, RowError> {
    let mut row = RowReader::new("released", row, VERSION)?;
    let at = Timestamp(row.i64()?);
    let count = row.count(ID_BYTES)?;
    let ids = (0..count).map(|_| Ok(ObjectId(row.array()?))).collect::<Result<_, RowError>>()?;
    row.finish()?;
    Ok(Released { at, ids })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_of_version_1_never_change() {
        let released = Released { at: Timestamp(256), ids: vec![ObjectId(*b"objectobjectobj0"), ObjectId([0; 16])] };
        let golden = b"\x01\0\0\0\0\0\0\x01\0\x01\x02objectobjectobj0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(encode_released(&released), golden);
        assert_eq!(decode_released(golden), Ok(released));
    }

    proptest! {
        #[test]
        fn any_bytes_are_released_references_or_an_error(mut row: Vec<u8>) {
            let _ = decode_released(&row);
            row.insert(0, VERSION);
            let _ = decode_released(&row);
        }
    }
}
