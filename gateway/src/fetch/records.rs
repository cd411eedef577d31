//! Decoded records, for HTTP.

use std::ops::ControlFlow;

use alluvium_model::{Offset, Timestamp, TopicPartition};
use alluvium_wire::batch::{Record, Records};
use bytes::Bytes;

use super::locate::Found;
use super::offset_assignment::Placed;
use super::read_plan::ReadPlan;
use super::{Fetch, FetchError, FetchPartition, FetchPlan, LoadError, ReadRecord};
use crate::produce::validation::DECOMPRESSED_BYTES_MAX;

/// Bytes of decoded records of one call: the last record may go beyond it.
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
        let mut taken = Taken { from: asked.offset, limit, records: Vec::new(), bytes: 0 };
        let mut visit = |placed: Placed| {
            if placed.base >= found.until || taken.is_full() {
                return Ok(ControlFlow::Break(()));
            }
            taken.decode(&placed)?;
            Ok(ControlFlow::Continue(()))
        };
        let (loader, read_plan) = (&self.shared.loader, ReadPlan::default());
        let walked =
            loader.walk(asked.partition, &found.extents, found.tier, asked.offset, &read_plan, &mut visit).await;
        match walked {
            Err(error) if taken.records.is_empty() => Err(error),
            Ok(()) | Err(_) => Ok(taken.records),
        }
    }
}

/// Records taken so far, and what they weigh: a batch may be a thousand times larger than it was stored.
struct Taken {
    from: Offset,
    limit: usize,
    records: Vec<ReadRecord>,
    bytes: usize,
}

impl Taken {
    fn is_full(&self) -> bool {
        self.records.len() >= self.limit || self.bytes >= READ_BYTES_MAX
    }

    fn decode(&mut self, placed: &Placed) -> Result<(), LoadError> {
        let records = placed.batch.records(DECOMPRESSED_BYTES_MAX)?;
        for record in &records {
            let record = record?;
            let offset = Offset(placed.base.0.saturating_add(record.offset_delta.into()));
            if offset >= self.from && !self.is_full() {
                let record = owned(&records, offset, &record);
                self.bytes += weight(&record);
                self.records.push(record);
            }
        }
        Ok(())
    }
}

/// Bytes of memory, about.
fn weight(record: &ReadRecord) -> usize {
    let bytes = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    let header =
        |(name, value): &(Bytes, Option<Bytes>)| size_of::<(Bytes, Option<Bytes>)>() + name.len() + bytes(value);
    let headers: usize = record.headers.iter().map(header).sum();
    size_of::<ReadRecord>() + bytes(&record.key) + bytes(&record.value) + headers
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
