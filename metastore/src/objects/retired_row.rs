//! The value of a row of the retire queue.
//!
//! ```text
//! value | version: 1 (1) | place, as in the object row |
//! ```

use alluvium_model::{ObjectId, Timestamp};

use super::{
    key::decode_retired_key,
    object_row::{decode_place, encode_place},
};
use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;

/// A retired object: no live extent lies in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// Its id.
    pub id: ObjectId,
    /// Its key in the bucket, relative to the store's prefix.
    pub key: String,
    /// The time from which it may be deleted, ms.
    pub due: Timestamp,
}

/// The value for object `id`, whose key in the bucket is `key`.
pub(super) fn encode_retired(id: ObjectId, key: &str) -> Vec<u8> {
    encode_place(RowWriter::new(VERSION), id, key).finish()
}

/// The retired object of a key and a value.
pub(super) fn decode_retired(key: &[u8], row: &[u8]) -> Result<Retired, RowError> {
    let (due, id) = decode_retired_key(key)?;
    let mut row = RowReader::new("retired", row, VERSION)?;
    let key = decode_place(&mut row, id)?;
    row.finish()?;
    Ok(Retired { id, key, due })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::key::retired_key, *};

    const ID: ObjectId = ObjectId([9; 16]);

    #[test]
    fn bytes_of_version_1_never_change() {
        let golden = b"\x01\x02\x01\x03h/x";
        assert_eq!(encode_retired(ID, "h/x"), golden);
        let retired = Retired { id: ID, key: "h/x".into(), due: Timestamp(5) };
        assert_eq!(decode_retired(&retired_key(Timestamp(5), ID), golden), Ok(retired));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_retired_object_or_an_error(mut row: Vec<u8>) {
            row.insert(0, VERSION);
            let _ = (decode_retired(&row, &row), decode_retired(&retired_key(Timestamp(5), ID), &row));
        }
    }
}
