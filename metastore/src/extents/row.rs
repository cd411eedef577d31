//! The value of an extent row: about 45 bytes, so that the commit of 1,000 partitions stays small.
//!
//! ```text
//! value | version: 1 (1) | kind: 1 | object: 16 | offsets: varint | offsets - records: varint | bytes: varint
//!       | smallest timestamp: varint | largest - smallest timestamp: varint | source |
//!
//! kind 1, segment                         source | position: varint | bytes of position - bytes: varint |
//! kind 2, segment, some batches rejected  source | as kind 1 | count: varint | gap before each number: varint ... |
//! kind 3, segment, many batches rejected  source | as kind 1 | length: varint | bits, lowest first, 1: rejected |
//! kind 4, history file of version 1       source | level: 1 |
//! kind 5, history file, or a part of one  source | level: 1 | bytes of the file - bytes: varint |
//! kind 6, marker                          source | producer id: 8 | epoch: 2 | 0 commit, 1 abort: 1 |
//! ```
//! Differences and timestamps wrap around as unsigned 64-bit numbers.

use alluvium_model::{
    Extent, ExtentSource, ObjectId, Offset, Timestamp,
    transaction::{TransactionalProducer, Verdict},
};

use super::{
    key::decode_key,
    rejected::{self, Rejected},
};
use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const VERSION: u8 = 1;
const SEGMENT: u8 = 1;
const SEGMENT_REJECTED_LISTED: u8 = 2;
const SEGMENT_REJECTED_BITS: u8 = 3;
const HISTORY_V1: u8 = 4;
const HISTORY: u8 = 5;
const MARKER: u8 = 6;

/// The value of the row of `extent`.
pub(crate) fn encode(extent: &Extent) -> Vec<u8> {
    let Extent { offsets, object, source, bytes, records, timestamps: (smallest, largest) } = extent;
    let length = offsets.end.since(offsets.start);
    let common = |kind| {
        RowWriter::new(VERSION)
            .u8(kind)
            .raw(&object.0)
            .varint(length)
            .varint(length.wrapping_sub(*records))
            .varint(*bytes)
            .varint(smallest.0.cast_unsigned())
            .varint(largest.0.wrapping_sub(smallest.0).cast_unsigned())
    };
    match source {
        ExtentSource::Segment { position, rejected } => {
            let position_bytes = position.end.wrapping_sub(position.start).wrapping_sub(*bytes);
            let segment = |kind| common(kind).varint(position.start).varint(position_bytes);
            match rejected::encode(rejected) {
                Rejected::None => segment(SEGMENT).finish(),
                Rejected::Listed(list) => segment(SEGMENT_REJECTED_LISTED).raw(&list).finish(),
                Rejected::Bits(bits) => segment(SEGMENT_REJECTED_BITS).bytes(&bits).finish(),
            }
        }
        ExtentSource::HistoryV1 { level } => common(HISTORY_V1).u8(*level).finish(),
        ExtentSource::History { level, file_bytes } => {
            common(HISTORY).u8(*level).varint(file_bytes.wrapping_sub(*bytes)).finish()
        }
        ExtentSource::Marker { producer, verdict } => {
            common(MARKER).i64(producer.id.0).i16(producer.epoch.0).u8(u8::from(*verdict == Verdict::Abort)).finish()
        }
    }
}

/// The extent of a row whose key says that it ends at `end`.
pub(crate) fn decode(end: Offset, row: &[u8]) -> Result<Extent, RowError> {
    let mut row = RowReader::new("extent", row, VERSION)?;
    let kind = row.u8()?;
    let object = ObjectId(row.array()?);
    let length = row.varint()?;
    let records = length.wrapping_sub(row.varint()?);
    let bytes = row.varint()?;
    let smallest = row.varint()?.cast_signed();
    let largest = smallest.wrapping_add(row.varint()?.cast_signed());
    let start = i64::try_from(length).ok().filter(|length| *length > 0).and_then(|length| end.0.checked_sub(length));
    let start = start.filter(|start| *start >= 0).map(Offset).ok_or(row.malformed("offsets"))?;
    let source = match kind {
        SEGMENT | SEGMENT_REJECTED_LISTED | SEGMENT_REJECTED_BITS => segment(&mut row, kind, bytes)?,
        HISTORY_V1 => ExtentSource::HistoryV1 { level: row.u8()? },
        HISTORY => ExtentSource::History { level: row.u8()?, file_bytes: bytes.wrapping_add(row.varint()?) },
        MARKER => marker(&mut row)?,
        _ => return Err(row.error(RowProblem::UnknownKind(kind))),
    };
    row.finish()?;
    let timestamps = (Timestamp(smallest), Timestamp(largest));
    Ok(Extent { offsets: start..end, object, source, bytes, records, timestamps })
}

fn marker(row: &mut RowReader<'_>) -> Result<ExtentSource, RowError> {
    let producer = TransactionalProducer::from_raw(row.i64()?, row.i16()?);
    let verdict = if row.flag()? { Verdict::Abort } else { Verdict::Commit };
    Ok(ExtentSource::Marker { producer, verdict })
}

fn segment(row: &mut RowReader<'_>, kind: u8, bytes: u64) -> Result<ExtentSource, RowError> {
    let start = row.varint()?;
    let position_bytes = bytes.wrapping_add(row.varint()?);
    let end = start.checked_add(position_bytes).ok_or(row.malformed("position"))?;
    let rejected = match kind {
        SEGMENT_REJECTED_LISTED => rejected::decode_list(row)?,
        SEGMENT_REJECTED_BITS => rejected::decode_bits(row)?,
        _ => Vec::new(),
    };
    Ok(ExtentSource::Segment { position: start..end, rejected })
}

/// The extents of rows that were read by range.
pub(crate) fn decode_rows(rows: &[(bytes::Bytes, bytes::Bytes)]) -> Result<Vec<Extent>, RowError> {
    rows.iter().map(|(key, value)| decode(decode_key(key)?.1, value)).collect()
}
