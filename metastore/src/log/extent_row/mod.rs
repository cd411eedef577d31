//! The extent row: about 45 bytes, so that the commit of 1,000 partitions stays small.
//!
//! Keyed by the end offset: the first row after the key of offset `o + 1` is the extent that contains `o`, or else the next
//! later one, so a find is one bounded range read.
//!
//! ```text
//! key   | EXTENT | topic: 16 | partition: 4 | end offset: 8 |
//! value | version: 1 (1) | kind: 1 | object: 16 | offsets: varint | offsets - records: varint | bytes: varint
//!       | smallest timestamp: varint | largest - smallest timestamp: varint | source |
//!
//! kind 1, segment                        source | position: varint | bytes of position - bytes: varint |
//! kind 2, segment, some batches refused  source | as kind 1 | count: varint | gap before each number: varint ... |
//! kind 3, segment, many batches refused  source | as kind 1 | length: varint | bits, lowest first, 1: refused |
//! kind 4, history file                   source | level: 1 |
//! ```
//! Differences and timestamps wrap around as unsigned 64-bit numbers.

mod codec;
mod key;
mod refused;

#[cfg(test)]
mod tests;

pub(crate) use codec::{decode, encode};
pub(crate) use key::{after, all, decode_key, key, topic_prefix};

use alluvium_model::{Extent, TopicPartition};

use crate::keyspace::RowError;

/// Decodes a row read by range.
pub(crate) fn decode_row((key, value): &(bytes::Bytes, bytes::Bytes)) -> Result<(TopicPartition, Extent), RowError> {
    let (partition, end) = decode_key(key)?;
    Ok((partition, decode(end, value)?))
}

/// Decodes rows of one partition read by range.
pub(crate) fn decode_rows(rows: &[(bytes::Bytes, bytes::Bytes)]) -> Result<Vec<Extent>, RowError> {
    rows.iter().map(|row| decode_row(row).map(|(_, extent)| extent)).collect()
}
