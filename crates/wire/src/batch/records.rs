//! The records of a batch: decompressed once, then iterated without allocating a record.

use bytes::Bytes;

use super::compression::decompress;
use super::record::RawRecord;
use super::{BatchError, BatchHeader, Record, TimestampType};

/// The decompressed records of one batch.
#[derive(Clone, Debug)]
pub struct Records {
    header: BatchHeader,
    bytes: Bytes,
}

impl Records {
    pub(super) fn decompress(header: BatchHeader, body: &Bytes, limit: usize) -> Result<Self, BatchError> {
        let bytes = decompress(header.attributes.compression()?, body, limit)?;
        Ok(Self { header, bytes })
    }

    /// The records, in order. Ends after the first error. It is an error if there are fewer records than the header's
    /// count, or bytes after the last one.
    #[must_use]
    pub fn iter(&self) -> RecordsIter<'_> {
        RecordsIter { header: &self.header, rest: &self.bytes, index: 0, done: false }
    }

    /// The decompressed bytes. `bytes().slice_ref(key)` is a key that outlives the records, without a copy.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The record count in the header.
    #[must_use]
    pub fn count(&self) -> i32 {
        self.header.record_count
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = Result<Record<'a>, BatchError>;
    type IntoIter = RecordsIter<'a>;

    fn into_iter(self) -> RecordsIter<'a> {
        self.iter()
    }
}

/// Iterates the records of one batch.
#[derive(Clone, Debug)]
pub struct RecordsIter<'a> {
    header: &'a BatchHeader,
    rest: &'a [u8],
    index: i32,
    done: bool,
}

impl<'a> RecordsIter<'a> {
    fn record(&mut self) -> Result<Option<Record<'a>>, BatchError> {
        if self.index >= self.header.record_count {
            return match self.rest.len() {
                0 => Ok(None),
                bytes => Err(BatchError::TrailingRecords { bytes }),
            };
        }
        let index = self.index;
        let raw = RawRecord::take(&mut self.rest).map_err(|reason| BatchError::Record { index, reason })?;
        self.index += 1;
        let timestamp = match self.header.attributes.timestamp_type() {
            TimestampType::CreateTime => self.header.base_timestamp.wrapping_add(raw.timestamp_delta),
            TimestampType::LogAppendTime => self.header.max_timestamp,
        };
        let offset = self.header.base_offset.wrapping_add(i64::from(raw.offset_delta));
        let RawRecord { offset_delta, key, value, headers, .. } = raw;
        Ok(Some(Record { offset_delta, offset, timestamp, key, value, headers }))
    }
}

impl<'a> Iterator for RecordsIter<'a> {
    type Item = Result<Record<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let record = self.record().transpose();
        self.done = !matches!(record, Some(Ok(_)));
        record
    }
}
