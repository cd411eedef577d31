//! The object row, and the row of the retire queue. When an object was created, its id says.
//!
//! ```text
//! key   | OBJECT | object id: 16 |
//! value | version: 1 (1) | bytes: varint | references: 4 | due: 8 (-1: not retired) | place |
//!
//! key   | RETIRED | due: 8 | object id: 16 |
//! value | version: 1 (1) | place |
//!
//! place | kind 1: a segment, whose id tells its key |
//!       | kind 2 | key: text |
//! ```

use alluvium_model::{ObjectId, Timestamp, object_key};

use super::Retired;
use crate::keyspace::{Key, RowError, RowProblem, RowReader, RowWriter, Tag};

const VERSION: u8 = 1;
const SEGMENT: u8 = 1;
const KEYED: u8 = 2;

/// What the metastore knows of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Its key in the bucket, relative to the store's prefix.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// Live extents that lie in it.
    pub references: u32,
    /// When it may be deleted, once it is retired.
    pub due: Option<Timestamp>,
}

pub(crate) fn key(id: ObjectId) -> Vec<u8> {
    Key::new(Tag::OBJECT).object(id).bytes()
}

pub(crate) fn encode(id: ObjectId, object: &Object) -> Vec<u8> {
    let due = object.due.unwrap_or(Timestamp::NONE);
    let row = RowWriter::new(VERSION).varint(object.bytes).u32(object.references).i64(due.0);
    encode_place(row, id, &object.key).finish()
}

pub(crate) fn decode(id: ObjectId, row: &[u8]) -> Result<Object, RowError> {
    let mut row = RowReader::new("object", row, VERSION)?;
    let (bytes, references, due) = (row.varint()?, row.u32()?, Timestamp(row.i64()?));
    let key = decode_place(&mut row, id)?;
    row.finish()?;
    Ok(Object { key, bytes, references, due: (due != Timestamp::NONE).then_some(due) })
}

pub(crate) fn retired_key(due: Timestamp, id: ObjectId) -> Vec<u8> {
    Key::new(Tag::RETIRED).time(due).object(id).bytes()
}

/// Where the objects due by `now` end in the retire queue.
pub(crate) fn retired_end(now: Timestamp) -> Vec<u8> {
    Key::new(Tag::RETIRED).time(now.plus_ms(1)).bytes()
}

pub(crate) fn encode_retired(id: ObjectId, key: &str) -> Vec<u8> {
    encode_place(RowWriter::new(VERSION), id, key).finish()
}

pub(crate) fn decode_retired(key: &[u8], row: &[u8]) -> Result<Retired, RowError> {
    let mut queue_key = RowReader::new("retired key", key, Tag::RETIRED.0)?;
    let (due, id) = (Timestamp(queue_key.i64()?), ObjectId(queue_key.array()?));
    queue_key.finish()?;
    let mut row = RowReader::new("retired", row, VERSION)?;
    let key = decode_place(&mut row, id)?;
    row.finish()?;
    Ok(Retired { id, key, due })
}

fn encode_place(row: RowWriter, id: ObjectId, key: &str) -> RowWriter {
    if key == object_key::segment(id) { row.u8(SEGMENT) } else { row.u8(KEYED).text(key) }
}

fn decode_place(row: &mut RowReader<'_>, id: ObjectId) -> Result<String, RowError> {
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
    fn bytes_of_version_1_never_change() {
        let segment = Object { key: object_key::segment(ID), bytes: 256, references: 3, due: None };
        let golden = b"\x01\x02\x01\x00\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(encode(ID, &segment), golden);
        assert_eq!(decode(ID, golden), Ok(segment));

        let history = Object { key: "h/x".into(), bytes: 0, references: 0, due: Some(Timestamp(5)) };
        let golden = b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\x05\x02\x01\x03h/x";
        assert_eq!(encode(ID, &history), golden);
        assert_eq!(decode(ID, golden), Ok(history));

        let golden = b"\x01\x02\x01\x03h/x";
        assert_eq!(encode_retired(ID, "h/x"), golden);
        let retired = Retired { id: ID, key: "h/x".into(), due: Timestamp(5) };
        assert_eq!(decode_retired(&retired_key(Timestamp(5), ID), golden), Ok(retired));
    }

    #[test]
    fn the_retire_queue_is_ordered_by_due_time() {
        let at = |due| retired_key(Timestamp(due), ObjectId([0xff; 16]));
        assert!(at(5) < at(6) && at(6) < retired_end(Timestamp(6)) && retired_end(Timestamp(6)) < at(7));
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
            let _ = (decode(ID, &row), decode_retired(&row, &row));
        }
    }
}
