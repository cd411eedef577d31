//! The value of the object row. The time of an object's creation is in its id.
//!
//! ```text
//! value | version: 2 (1) | bytes: varint | references at first: 4 | due: 8 (-1: not retired) | place |
//! place | kind 1: a segment, whose key follows from its id |
//!       | kind 2 | key: text |
//! ```

use alluvium_model::{ObjectId, Timestamp, object_key};

use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const VERSION: u8 = 2;
const SEGMENT: u8 = 1;
const KEYED: u8 = 2;

/// What the metastore knows about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// Its key in the bucket, relative to the store's prefix.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Number of extents that lay in it when it became known. More never do; those that do no longer are counted in a
    /// row of their own.
    pub references: u32,
    /// The time from which it may be deleted, ms; `None` while it is not retired.
    pub due: Option<Timestamp>,
}

/// The value of the row of object `id`.
pub(super) fn encode(id: ObjectId, object: &Object) -> Vec<u8> {
    let due = object.due.unwrap_or(Timestamp::NONE);
    let row = RowWriter::new(VERSION).varint(object.bytes).u32(object.references).i64(due.0);
    encode_place(row, id, &object.key).finish()
}

/// The object of a row whose key says that it is `id`.
pub(super) fn decode(id: ObjectId, row: &[u8]) -> Result<Object, RowError> {
    let mut row = RowReader::new("object", row, VERSION)?;
    let (bytes, references, due) = (row.varint()?, row.u32()?, Timestamp(row.i64()?));
    let key = decode_place(&mut row, id)?;
    row.finish()?;
    Ok(Object { key, bytes, references, due: (due != Timestamp::NONE).then_some(due) })
}

/// Appends where an object lies in the bucket.
pub(super) fn encode_place(row: RowWriter, id: ObjectId, key: &str) -> RowWriter {
    if key == object_key::segment(id) { row.u8(SEGMENT) } else { row.u8(KEYED).text(key) }
}

/// Reads where object `id` lies in the bucket.
pub(super) fn decode_place(row: &mut RowReader<'_>, id: ObjectId) -> Result<String, RowError> {
    match row.u8()? {
        SEGMENT => Ok(object_key::segment(id)),
        KEYED => row.text(),
        kind => Err(row.error(RowProblem::UnknownKind(kind))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: ObjectId = ObjectId([9; 16]);

    #[test]
    fn bytes_of_version_2_never_change() {
        let segment = Object { key: object_key::segment(ID), bytes: 256, references: 3, due: None };
        let golden = b"\x02\x02\x01\x00\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(encode(ID, &segment), golden);
        assert_eq!(decode(ID, golden), Ok(segment));

        let history = Object { key: "h/x".into(), bytes: 0, references: 0, due: Some(Timestamp(5)) };
        let golden = b"\x02\0\0\0\0\0\0\0\0\0\0\0\0\x05\x02\x01\x03h/x";
        assert_eq!(encode(ID, &history), golden);
        assert_eq!(decode(ID, golden), Ok(history));
    }

    proptest! {
        #[test]
        fn every_object_survives_its_row(id: [u8; 16], key: String, bytes: u64, references: u32, due in 0i64..) {
            let id = ObjectId(id);
            let object = Object { key, bytes, references, due: (due % 2 == 0).then_some(Timestamp(due)) };
            prop_assert_eq!(decode(id, &encode(id, &object)), Ok(object));
        }

        #[test]
        fn any_bytes_are_an_object_or_an_error(mut row: Vec<u8>) {
            let _ = decode(ID, &row);
            row.insert(0, VERSION);
            let _ = decode(ID, &row);
        }
    }
}
