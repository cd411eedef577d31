//! Reads decoded records, for HTTP: committed ones only.

use std::ops::ControlFlow;
use std::time::Duration;

use alluvium_model::{Offset, Timestamp, TopicPartition, limits};
use alluvium_wire::batch::{Record, Records};
use bytes::Bytes;
use tokio::time::Instant;

use super::committed::is_aborted;
use super::loader::PartitionRead;
use super::locate::LocatedExtents;
use super::offset_assignment::OffsetBatch;
use super::read_plan::ReadPlan;
use super::{Fetch, FetchError, FetchPartition, FetchPlan, LoadError, ReadRecord};

/// Bytes of decoded records that one call returns; the last record may exceed it.
pub const READ_BYTES_MAX: usize = 8 << 20;
/// Time after which a call that has found only aborted records returns.
const READ_TIME_MAX: Duration = Duration::from_secs(5);

impl Fetch {
    /// Up to `limit` decoded records from `offset` on, without waiting for new ones. None only at the end of what is
    /// committed, or if there are too many aborted records for one call.
    ///
    /// # Errors
    /// If the partition is unknown or cannot be read, or the offset is out of range.
    pub async fn read_records(
        &self,
        partition: TopicPartition,
        offset: Offset,
        limit: usize,
    ) -> Result<Vec<ReadRecord>, FetchError> {
        self.fresh_head(partition).await?;
        let plan = FetchPlan { max_bytes: READ_BYTES_MAX, read_committed: true, ..FetchPlan::default() };
        let deadline = Instant::now() + READ_TIME_MAX;
        let mut next = offset;
        loop {
            let requested = FetchPartition { partition, offset: next, max_bytes: READ_BYTES_MAX };
            let decoded = self.decode_located(&plan, requested, limit).await?;
            if !decoded.records.is_empty() || decoded.next <= next || Instant::now() > deadline {
                return Ok(decoded.records);
            }
            next = decoded.next;
        }
    }

    async fn decode_located(
        &self,
        plan: &FetchPlan,
        requested: FetchPartition,
        limit: usize,
    ) -> Result<DecodedRecords, FetchError> {
        let located = self.locate_one(plan, requested).await.extents?;
        let read = match self.decode(requested, &located, limit).await {
            Err(LoadError::NotFound(_)) => {
                let located = self.locate_again(plan, requested).await?;
                self.decode(requested, &located, limit).await
            }
            read => read,
        };
        read.map_err(|error| error.in_partition(requested.partition))
    }

    async fn decode(
        &self,
        requested: FetchPartition,
        located: &LocatedExtents,
        limit: usize,
    ) -> Result<DecodedRecords, LoadError> {
        let from = requested.offset;
        let mut decoded = DecodedRecords { from, limit, records: Vec::new(), bytes: 0, next: from };
        let mut visit = |batch: OffsetBatch| {
            if batch.base >= located.until || decoded.is_full() {
                return Ok(ControlFlow::Break(()));
            }
            if !batch.batch.header().attributes.is_control() && !is_aborted(&batch, &located.aborted) {
                decoded.add(&batch)?;
            }
            decoded.next = batch.end;
            Ok(ControlFlow::Continue(()))
        };
        let read_plan = ReadPlan::default();
        let read = PartitionRead { partition: requested.partition, from: requested.offset, read_plan: &read_plan };
        match self.shared.loader.visit_batches(read, &located.extents, &mut visit).await {
            Err(error) if decoded.records.is_empty() => Err(error),
            Ok(()) | Err(_) => Ok(decoded),
        }
    }
}

/// Records decoded so far, bounded by the memory they take: a batch may be a thousand times larger than it is stored.
struct DecodedRecords {
    from: Offset,
    limit: usize,
    records: Vec<ReadRecord>,
    bytes: usize,
    /// The first offset after the batches that were looked at.
    next: Offset,
}

impl DecodedRecords {
    fn is_full(&self) -> bool {
        self.records.len() >= self.limit || self.bytes >= READ_BYTES_MAX
    }

    fn add(&mut self, batch: &OffsetBatch) -> Result<(), LoadError> {
        let records = batch.batch.records(limits::DECOMPRESSED_BYTES_MAX)?;
        for record in &records {
            let record = record?;
            let offset = Offset(batch.base.0.saturating_add(record.offset_delta.into()));
            if offset >= self.from && !self.is_full() {
                let record = owned_record(&records, offset, &record);
                self.bytes += memory_bytes(&record);
                self.records.push(record);
            }
        }
        Ok(())
    }
}

/// Bytes of memory that the record takes, estimated.
fn memory_bytes(record: &ReadRecord) -> usize {
    let bytes = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    let header =
        |(name, value): &(Bytes, Option<Bytes>)| size_of::<(Bytes, Option<Bytes>)>() + name.len() + bytes(value);
    let headers: usize = record.headers.iter().map(header).sum();
    size_of::<ReadRecord>() + bytes(&record.key) + bytes(&record.value) + headers
}

/// The record as an owned value that shares the decompressed bytes of its batch.
fn owned_record(records: &Records, offset: Offset, record: &Record<'_>) -> ReadRecord {
    let share = |bytes: &[u8]| if bytes.is_empty() { Bytes::new() } else { records.bytes().slice_ref(bytes) };
    ReadRecord {
        offset,
        timestamp: Timestamp(record.timestamp),
        key: record.key.map(share),
        value: record.value.map(share),
        headers: record.headers.map(|(name, value)| (share(name), value.map(share))).collect(),
    }
}
