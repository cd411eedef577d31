//! Decoded records, for HTTP.

use std::ops::ControlFlow;

use alluvium_model::{Offset, Timestamp, TopicPartition};
use alluvium_wire::batch::{Record, Records};
use bytes::Bytes;

use super::locate::Found;
use super::place::Placed;
use super::{Fetch, FetchError, FetchPartition, FetchPlan, LoadError, ReadRecord};
use crate::produce::admission::DECOMPRESSED_BYTES_MAX;

/// Bytes of batches read for one call: the last batch may go beyond it.
const READ_BYTES_MAX: usize = 8 << 20;

impl Fetch {
    /// Up to `limit` decoded records from `offset` on, without waiting.
    ///
    /// # Errors
    /// Where the partition is unknown or cannot be read, or the offset is out of range.
    pub async fn read_records(
        &self,
        partition: TopicPartition,
        offset: Offset,
        limit: usize,
    ) -> Result<Vec<ReadRecord>, FetchError> {
        self.fresh_head(partition).await?;
        let asked = FetchPartition { partition, offset, max_bytes: READ_BYTES_MAX };
        let plan = FetchPlan { max_bytes: READ_BYTES_MAX, ..FetchPlan::default() };
        let found = self.locate_one(&plan, asked).await.found?;
        let read = match self.decode(asked, &found, limit).await {
            Err(LoadError::Gone(_)) => {
                let found = self.locate_again(&plan, asked).await?;
                self.decode(asked, &found, limit).await
            }
            read => read,
        };
        read.map_err(|error| error.in_partition(partition))
    }

    async fn decode(&self, asked: FetchPartition, found: &Found, limit: usize) -> Result<Vec<ReadRecord>, LoadError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut visit = |placed: Placed| {
            if placed.base >= found.until || records.len() >= limit || bytes >= READ_BYTES_MAX {
                return Ok(ControlFlow::Break(()));
            }
            bytes += placed.batch.len();
            decode(&placed, asked.offset, limit, &mut records)?;
            Ok(ControlFlow::Continue(()))
        };
        let walked =
            self.shared.loader.walk(asked.partition, &found.extents, found.tier, asked.offset, &mut visit).await;
        match walked {
            Err(error) if records.is_empty() => Err(error),
            Ok(()) | Err(_) => Ok(records),
        }
    }
}

fn decode(placed: &Placed, from: Offset, limit: usize, out: &mut Vec<ReadRecord>) -> Result<(), LoadError> {
    let records = placed.batch.records(DECOMPRESSED_BYTES_MAX)?;
    for record in &records {
        let record = record?;
        let offset = Offset(placed.base.0.saturating_add(record.offset_delta.into()));
        if offset >= from && out.len() < limit {
            out.push(owned(&records, offset, &record));
        }
    }
    Ok(())
}

/// The record, holding on to the decompressed bytes that it lies in.
fn owned(records: &Records, offset: Offset, record: &Record<'_>) -> ReadRecord {
    let share = |bytes: &[u8]| if bytes.is_empty() { Bytes::new() } else { records.bytes().slice_ref(bytes) };
    ReadRecord {
        offset,
        timestamp: Timestamp(record.timestamp),
        key: record.key.map(share),
        value: record.value.map(share),
        headers: record.headers.map(|(name, value)| (share(name), value.map(share))).collect(),
    }
}
