//! Finds offsets by position and by timestamp (`ListOffsets`).

use std::ops::ControlFlow;
use std::sync::Arc;

use alluvium_model::{Extent, ExtentSource, Offset, Timestamp, TopicPartition, limits};

use super::loader::{Loader, PartitionRead};
use super::offset_assignment::OffsetBatch;
use super::read_plan::ReadPlan;
use super::{Fetch, FetchError, FoundOffset, LoadError, OffsetSpec};
use crate::metadata_cache::{CachedHead, MetadataCacheError};

/// Extents scanned for one timestamp. Usually the first has a match; more are scanned only if headers claim larger
/// timestamps than their records have.
const EXTENTS_SCANNED_MAX: usize = 64;

/// Which record of an extent matches.
#[derive(Clone, Copy, Debug)]
enum TimestampQuery {
    /// The first record with this timestamp or a later one.
    AtLeast(Timestamp),
    /// The first of the records with the largest timestamp.
    Largest,
}

/// A search for a record by its timestamp in extents of one partition.
#[derive(Clone, Copy)]
struct TimestampScan<'a> {
    loader: &'a Loader,
    partition: TopicPartition,
    /// Records before it do not match.
    log_start: Offset,
    query: TimestampQuery,
}

impl FoundOffset {
    /// The answer, not an error, if no record matches.
    pub const NONE: Self = Self { offset: Offset(-1), timestamp: Timestamp::NONE };

    fn at(offset: Offset) -> Self {
        Self { offset, timestamp: Timestamp::NONE }
    }
}

impl Fetch {
    /// Answers one partition of `ListOffsets`. If only committed records are read, nothing is found at the stable offset
    /// or after it, as in Kafka.
    ///
    /// # Errors
    /// If the partition is unknown or cannot be read.
    pub async fn list_offset(
        &self,
        partition: TopicPartition,
        spec: OffsetSpec,
        read_committed: bool,
    ) -> Result<FoundOffset, FetchError> {
        let head = self.fresh_head(partition).await?;
        let end = if read_committed { head.stable.max(head.start) } else { head.next };
        let found = match spec {
            OffsetSpec::Latest => return Ok(FoundOffset::at(end)),
            OffsetSpec::Earliest | OffsetSpec::EarliestLocal => return Ok(FoundOffset::at(head.start)),
            OffsetSpec::LatestTiered => return Ok(FoundOffset::NONE),
            OffsetSpec::MaxTimestamp => self.find_largest_timestamp(partition, head).await?,
            OffsetSpec::Timestamp(at_least) => self.find_timestamp(partition, head, at_least).await?,
        };
        Ok(if read_committed && found.offset >= end { FoundOffset::NONE } else { found })
    }

    /// The head, with everything that any agent committed before the call.
    pub(super) async fn fresh_head(&self, partition: TopicPartition) -> Result<CachedHead, FetchError> {
        let metadata_cache = &self.shared.loader.metadata_cache;
        let failed = |error: MetadataCacheError| FetchError::Metastore(error.to_string());
        metadata_cache.sync().await.map_err(failed)?;
        let head = metadata_cache.head(partition).await.map_err(failed)?;
        head.ok_or(FetchError::UnknownPartition(partition))
    }

    async fn find_timestamp(
        &self,
        partition: TopicPartition,
        head: CachedHead,
        at_least: Timestamp,
    ) -> Result<FoundOffset, FetchError> {
        let log = self.shared.loader.metadata_cache.log();
        let scan = self.timestamp_scan(partition, head, TimestampQuery::AtLeast(at_least));
        let mut from = head.start;
        for _ in 0..EXTENTS_SCANNED_MAX {
            let extent = log.find_by_timestamp(partition, at_least, from).await;
            let extent = extent.map_err(|error| FetchError::Metastore(error.to_string()))?;
            let Some(extent) = extent else { return Ok(FoundOffset::NONE) };
            let next = extent.offsets.end;
            if let Some(found) = scan.extent(extent).await? {
                return Ok(found);
            }
            from = next;
        }
        let reason = format!("no record at or after {at_least} ms in {EXTENTS_SCANNED_MAX} extents that claim one");
        Err(FetchError::Corrupt { partition, reason })
    }

    async fn find_largest_timestamp(
        &self,
        partition: TopicPartition,
        head: CachedHead,
    ) -> Result<FoundOffset, FetchError> {
        let extent = self.shared.loader.metadata_cache.log().find_latest_timestamp(partition).await;
        let Some(extent) = extent.map_err(|error| FetchError::Metastore(error.to_string()))? else {
            return Ok(FoundOffset::NONE);
        };
        let found = self.timestamp_scan(partition, head, TimestampQuery::Largest).extent(extent).await?;
        Ok(found.unwrap_or(FoundOffset::NONE))
    }

    fn timestamp_scan(&self, partition: TopicPartition, head: CachedHead, query: TimestampQuery) -> TimestampScan<'_> {
        TimestampScan { loader: &self.shared.loader, partition, log_start: head.start, query }
    }
}

impl TimestampScan<'_> {
    /// The matching record of one extent.
    async fn extent(self, extent: Extent) -> Result<Option<FoundOffset>, FetchError> {
        let found = match extent.source {
            ExtentSource::Segment { .. } => self.segment(extent).await,
            ExtentSource::Marker { .. } => Ok(None),
            ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } => match self.history(&extent).await {
                Err(error) if self.loader.should_retry_from_store(&extent, &error) => self.history(&extent).await,
                found => found,
            },
        };
        found.map_err(|error| error.in_partition(self.partition))
    }

    async fn segment(self, extent: Extent) -> Result<Option<FoundOffset>, LoadError> {
        let mut found: Option<FoundOffset> = None;
        let mut visit = |batch: OffsetBatch| {
            let least = match (self.query, found) {
                (TimestampQuery::AtLeast(at_least), _) => at_least,
                (TimestampQuery::Largest, Some(found)) => found.timestamp.plus_ms(1),
                (TimestampQuery::Largest, None) => Timestamp(i64::MIN),
            };
            if Timestamp(batch.batch.header().max_timestamp) >= least {
                found = self.first_in(&batch, least)?.or(found);
            }
            let done = matches!(self.query, TimestampQuery::AtLeast(_)) && found.is_some();
            Ok(if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        let read_plan = ReadPlan::default();
        let read = PartitionRead { partition: self.partition, from: self.log_start, read_plan: &read_plan };
        self.loader.visit_batches(read, &[Arc::new(extent)], &mut visit).await?;
        Ok(found)
    }

    async fn history(self, extent: &Extent) -> Result<Option<FoundOffset>, LoadError> {
        let (file, reader) = self.loader.open_history(self.partition, extent).await?;
        let found = match self.query {
            TimestampQuery::AtLeast(at_least) => file.find_timestamp(&reader, self.log_start, at_least).await?,
            TimestampQuery::Largest => file.latest_timestamp(&reader, self.log_start).await?,
        };
        Ok(found.map(|(offset, timestamp)| FoundOffset { offset, timestamp }))
    }

    /// The matching record of one batch with a timestamp not before `least`.
    fn first_in(self, batch: &OffsetBatch, least: Timestamp) -> Result<Option<FoundOffset>, LoadError> {
        let records = batch.batch.records(limits::DECOMPRESSED_BYTES_MAX)?;
        let mut best: Option<FoundOffset> = None;
        for record in &records {
            let record = record?;
            let offset = Offset(batch.base.0.saturating_add(record.offset_delta.into()));
            let timestamp = Timestamp(record.timestamp);
            let is_better = timestamp >= least && best.is_none_or(|best| timestamp > best.timestamp);
            if offset >= self.log_start && is_better {
                best = Some(FoundOffset { offset, timestamp });
                if matches!(self.query, TimestampQuery::AtLeast(_)) {
                    break;
                }
            }
        }
        Ok(best)
    }
}
