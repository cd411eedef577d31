//! Offsets by position and by time (`ListOffsets`).

use std::ops::ControlFlow;
use std::sync::Arc;

use alluvium_model::{Extent, ExtentSource, Offset, Timestamp, TopicPartition};

use super::offset_assignment::Placed;
use super::read_plan::ReadPlan;
use super::{Fetch, FetchError, FoundOffset, LoadError, OffsetSpec};
use crate::metadata_cache::{CachedHead, Tier};
use crate::produce::validation::DECOMPRESSED_BYTES_MAX;

/// Extents looked into for one timestamp. The first has it, unless headers claim larger timestamps than their records
/// have.
const EXTENTS_SCANNED_MAX: usize = 64;

/// Which record of an extent is looked for.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// The first at or after this time.
    AtLeast(Timestamp),
    /// The first of those with the largest timestamp.
    Latest,
}

impl FoundOffset {
    /// Nothing matches: an answer, not an error.
    pub const NONE: Self = Self { offset: Offset(-1), timestamp: Timestamp::NONE };

    fn at(offset: Offset) -> Self {
        Self { offset, timestamp: Timestamp::NONE }
    }
}

impl Fetch {
    /// Answers one partition of `ListOffsets`.
    ///
    /// # Errors
    /// Where the partition is unknown or cannot be read.
    pub async fn list_offset(&self, partition: TopicPartition, spec: OffsetSpec) -> Result<FoundOffset, FetchError> {
        let head = self.fresh_head(partition).await?;
        match spec {
            OffsetSpec::Latest { read_committed } => {
                Ok(FoundOffset::at(if read_committed { head.stable } else { head.next }))
            }
            OffsetSpec::Earliest | OffsetSpec::EarliestLocal => Ok(FoundOffset::at(head.start)),
            OffsetSpec::LatestTiered => Ok(FoundOffset::NONE),
            OffsetSpec::MaxTimestamp => self.latest_timestamp(partition, head).await,
            OffsetSpec::Timestamp(at_least) => self.first_since(partition, head, at_least).await,
        }
    }

    /// The head as it is now, whoever wrote last.
    pub(super) async fn fresh_head(&self, partition: TopicPartition) -> Result<CachedHead, FetchError> {
        let metadata_cache = &self.shared.loader.metadata_cache;
        let metastore = |error: crate::metadata_cache::MetadataCacheError| FetchError::Metastore(error.to_string());
        metadata_cache.sync().await.map_err(metastore)?;
        let head = metadata_cache.head(partition).await.map_err(metastore)?;
        head.ok_or(FetchError::UnknownPartition(partition))
    }

    async fn first_since(
        &self,
        partition: TopicPartition,
        head: CachedHead,
        at_least: Timestamp,
    ) -> Result<FoundOffset, FetchError> {
        let log = self.shared.loader.metadata_cache.log();
        let mut from = head.start;
        for _ in 0..EXTENTS_SCANNED_MAX {
            let extent = log.find_by_timestamp(partition, at_least, from).await;
            let extent = extent.map_err(|error| FetchError::Metastore(error.to_string()))?;
            let Some(extent) = extent else { return Ok(FoundOffset::NONE) };
            let next = extent.offsets.end;
            if let Some(found) = self.scan(partition, extent, head.start, Wanted::AtLeast(at_least)).await? {
                return Ok(found);
            }
            from = next;
        }
        let reason = format!("no record at or after {at_least} ms in {EXTENTS_SCANNED_MAX} extents that claim one");
        Err(FetchError::Corrupt { partition, reason })
    }

    async fn latest_timestamp(&self, partition: TopicPartition, head: CachedHead) -> Result<FoundOffset, FetchError> {
        let extent = self.shared.loader.metadata_cache.log().find_latest_timestamp(partition).await;
        let Some(extent) = extent.map_err(|error| FetchError::Metastore(error.to_string()))? else {
            return Ok(FoundOffset::NONE);
        };
        let found = self.scan(partition, extent, head.start, Wanted::Latest).await?;
        Ok(found.unwrap_or(FoundOffset::NONE))
    }

    /// Looks into one extent, from the log start on.
    async fn scan(
        &self,
        partition: TopicPartition,
        extent: Extent,
        start: Offset,
        wanted: Wanted,
    ) -> Result<Option<FoundOffset>, FetchError> {
        let found = match extent.source {
            ExtentSource::Segment { .. } => self.scan_segment(partition, extent, start, wanted).await,
            ExtentSource::History { .. } => match self.scan_history(partition, &extent, start, wanted).await {
                Err(error) if self.shared.loader.is_worth_another_try(&extent, &error) => {
                    self.scan_history(partition, &extent, start, wanted).await
                }
                found => found,
            },
        };
        found.map_err(|error| error.in_partition(partition))
    }

    async fn scan_segment(
        &self,
        partition: TopicPartition,
        extent: Extent,
        start: Offset,
        wanted: Wanted,
    ) -> Result<Option<FoundOffset>, LoadError> {
        let mut found: Option<FoundOffset> = None;
        let mut visit = |placed: Placed| {
            let least = match (wanted, found) {
                (Wanted::AtLeast(at_least), _) => at_least,
                (Wanted::Latest, Some(found)) => found.timestamp.plus_ms(1),
                (Wanted::Latest, None) => Timestamp(i64::MIN),
            };
            if Timestamp(placed.batch.header().max_timestamp) >= least {
                found = first_in(&placed, start, least, wanted)?.or(found);
            }
            let done = matches!(wanted, Wanted::AtLeast(_)) && found.is_some();
            Ok(if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        let extents = [Arc::new(extent)];
        self.shared.loader.walk(partition, &extents, Tier::Backfill, start, &ReadPlan::default(), &mut visit).await?;
        Ok(found)
    }

    async fn scan_history(
        &self,
        partition: TopicPartition,
        extent: &Extent,
        start: Offset,
        wanted: Wanted,
    ) -> Result<Option<FoundOffset>, LoadError> {
        let (file, reader) = self.shared.loader.open_history(partition, extent).await?;
        let found = match wanted {
            Wanted::AtLeast(at_least) => file.find_timestamp(&reader, start, at_least).await?,
            Wanted::Latest => file.latest_timestamp(&reader, start).await?,
        };
        Ok(found.map(|(offset, timestamp)| FoundOffset { offset, timestamp }))
    }
}

/// The record of a batch that is wanted, at or after `start` and not before `least`.
fn first_in(
    placed: &Placed,
    start: Offset,
    least: Timestamp,
    wanted: Wanted,
) -> Result<Option<FoundOffset>, LoadError> {
    let records = placed.batch.records(DECOMPRESSED_BYTES_MAX)?;
    let mut best: Option<FoundOffset> = None;
    for record in &records {
        let record = record?;
        let offset = Offset(placed.base.0.saturating_add(record.offset_delta.into()));
        let timestamp = Timestamp(record.timestamp);
        let better = timestamp >= least && best.is_none_or(|best| timestamp > best.timestamp);
        if offset >= start && better {
            best = Some(FoundOffset { offset, timestamp });
            if matches!(wanted, Wanted::AtLeast(_)) {
                break;
            }
        }
    }
    Ok(best)
}
