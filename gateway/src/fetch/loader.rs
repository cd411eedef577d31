//! From extents to batches: out of memory where they are, out of the object store where not.

use std::ops::ControlFlow;
use std::sync::Arc;

use alluvium_history::HistoryFile;
use alluvium_model::{Extent, ExtentSource, Offset, TopicPartition, object_key};
use alluvium_wire::batch::{Batch, BatchError};
use bytes::Bytes;

use super::LoadError;
use super::cache::{BlockCache, CHUNK_BYTES, CHUNK_BYTES_MAX, Chunk, HistoryCache, Reader};
use super::offset_assignment::{Placed, Placing, as_stored};
use super::read_plan::ReadPlan;
use crate::metadata_cache::{MetadataCache, Tier};
use crate::metrics::Metrics;
use crate::recent_segments::RecentSegments;

/// Where bytes come from.
#[derive(Clone)]
pub struct Loader {
    /// Names of topics, which keys of history files contain.
    pub metadata_cache: MetadataCache,
    /// What this agent wrote lately.
    pub recent: RecentSegments,
    /// Blocks of new objects.
    pub tail: BlockCache,
    /// Blocks of old ones.
    pub backfill: BlockCache,
    /// Decoded history.
    pub history: HistoryCache,
    /// Counts.
    pub metrics: Metrics,
}

/// Sees batches in order; breaks off when it has enough.
pub type Visit<'a> = &'a mut (dyn FnMut(Placed) -> Result<ControlFlow<()>, LoadError> + Send);

/// What one load brought.
enum Loaded {
    /// This agent's own batches: never out of memory since they were checked.
    Run(Arc<[Batch]>),
    /// A run out of an object: its checksums are still to be looked at.
    Bytes(Bytes),
    /// Decoded history, from the offset asked for or from before it.
    Chunk(Chunk),
}

impl Loader {
    /// Shows `visit` the batches of `extents` in order, from the one that holds `from` on, until it breaks off.
    ///
    /// # Errors
    /// Where something cannot be loaded or is corrupt. What came before it has been shown.
    pub async fn walk(
        &self,
        partition: TopicPartition,
        extents: &[Arc<Extent>],
        tier: Tier,
        from: Offset,
        read_plan: &ReadPlan,
        visit: Visit<'_>,
    ) -> Result<(), LoadError> {
        let mut at = from;
        for extent in extents {
            // Extents of several lookups, and a swap between those: this one holds again what was shown before. What follows
            // is for the next fetch, which looks it up anew.
            if at > from && extent.offsets.start < at {
                return Ok(());
            }
            at = at.max(extent.offsets.start);
            while at < extent.offsets.end {
                let loaded = self.load(partition, extent, at, tier, read_plan).await?;
                match show(&loaded, extent, at, visit)? {
                    ControlFlow::Break(()) => return Ok(()),
                    ControlFlow::Continue(next) if next > at => at = next,
                    ControlFlow::Continue(_) => {
                        return Err(LoadError::Corrupt(format!("{} has nothing at offset {at}", extent.object)));
                    }
                }
            }
        }
        Ok(())
    }

    /// A history file, open, and the source that its methods read from.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn open_history(
        &self,
        partition: TopicPartition,
        extent: &Extent,
    ) -> Result<(HistoryFile, Reader), LoadError> {
        let topic = self.metadata_cache.topic_by_id(partition.topic);
        let topic = topic.ok_or_else(|| LoadError::Gone(format!("topic {} is deleted", partition.topic)))?;
        let key = object_key::history(&topic.topic.name, partition, extent.offsets.start, extent.object);
        let reader = Reader { cache: self.backfill.clone(), object: extent.object, key, bytes: extent.bytes };
        let open = async { HistoryFile::open(&reader).await.map_err(LoadError::from) };
        let file = self.history.file(extent.object, open).await?;
        Ok((file, reader))
    }

    async fn load(
        &self,
        partition: TopicPartition,
        extent: &Extent,
        at: Offset,
        tier: Tier,
        read_plan: &ReadPlan,
    ) -> Result<Loaded, LoadError> {
        match &extent.source {
            ExtentSource::Segment { position, .. } => {
                if let Some(run) = self.recent.run(extent.object, position.start) {
                    self.metrics.recent_hits.inc();
                    return Ok(Loaded::Run(run));
                }
                let key = object_key::segment(extent.object);
                let run = position.clone();
                let read = match tier {
                    Tier::Tail => self.tail.read_whole(extent.object, &key, run).await,
                    Tier::Backfill => self.backfill.read_run(extent.object, &key, run, read_plan).await,
                };
                read.map(Loaded::Bytes)
            }
            ExtentSource::History { .. } => {
                let loaded = match self.load_history(partition, extent, at).await {
                    Err(error) if self.is_worth_another_try(extent, &error) => {
                        self.load_history(partition, extent, at).await
                    }
                    loaded => loaded,
                };
                loaded.map(Loaded::Chunk)
            }
        }
    }

    /// Whether history that is corrupt may be so in another agent's memory only: then it is read from the store next.
    pub fn is_worth_another_try(&self, extent: &Extent, error: &LoadError) -> bool {
        let LoadError::Corrupt(reason) = error else { return false };
        let distrusted = self.backfill.distrust(extent.object, extent.bytes);
        if distrusted {
            tracing::warn!(object = %extent.object, reason, "what another agent gave is corrupt; reading the object store");
        }
        distrusted
    }

    /// The decoded chunk that holds `at`. Chunks begin at the same offsets whoever reads, so that readers share them: at
    /// the beginning of a piece of the file, or where another chunk ends if the piece is larger than one.
    async fn load_history(&self, partition: TopicPartition, extent: &Extent, at: Offset) -> Result<Chunk, LoadError> {
        let (file, reader) = self.open_history(partition, extent).await?;
        let piece = file.chunk(at, CHUNK_BYTES);
        let mut from = piece.start;
        loop {
            let decode = async {
                let batches = file.batches_within(&reader, from..piece.end, CHUNK_BYTES_MAX).await?;
                chunk(from, batches)
            };
            let chunk = self.history.chunk(extent.object, from, decode).await?;
            if chunk.end > at || chunk.end <= from {
                return Ok(chunk);
            }
            from = chunk.end;
        }
    }
}

/// Shows what lies at or after `at`; the first offset after it.
fn show(loaded: &Loaded, extent: &Extent, at: Offset, visit: Visit<'_>) -> Result<ControlFlow<(), Offset>, LoadError> {
    let refused = match &extent.source {
        ExtentSource::Segment { refused, .. } => refused.as_slice(),
        ExtentSource::History { .. } => &[],
    };
    match loaded {
        Loaded::Run(batches) => {
            show_all(Placing::new(extent, refused, batches.iter().cloned().map(Ok)), Checksums::Known, at, visit)
        }
        Loaded::Bytes(bytes) => {
            show_all(Placing::new(extent, refused, Unchecked(bytes.clone())), Checksums::Unknown, at, visit)
        }
        Loaded::Chunk(chunk) => {
            show_all(chunk.batches.iter().cloned().map(as_stored).map(Ok), Checksums::Known, at, visit)
        }
    }
}

/// Whether checksums have been looked at since the bytes were last out of memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checksums {
    Known,
    Unknown,
}

fn show_all(
    batches: impl Iterator<Item = Result<Placed, LoadError>>,
    checksums: Checksums,
    at: Offset,
    visit: Visit<'_>,
) -> Result<ControlFlow<(), Offset>, LoadError> {
    let mut next = at;
    for placed in batches {
        let placed = placed?;
        if placed.end <= at {
            continue;
        }
        if checksums == Checksums::Unknown {
            placed.batch.verify_crc()?;
        }
        next = placed.end;
        if visit(placed)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(next))
}

fn chunk(at: Offset, batches: Vec<Bytes>) -> Result<Chunk, LoadError> {
    let parsed = batches.into_iter().map(Batch::exactly_one).collect::<Result<Vec<Batch>, BatchError>>()?;
    let bytes = parsed.iter().map(|batch| batch.len() as u64).sum();
    let end = parsed.last().map_or(at, |last| as_stored(last.clone()).end);
    Ok(Chunk { batches: parsed.into(), end, bytes })
}

/// Batches that lie back to back, as far as their headers tell.
struct Unchecked(Bytes);

impl Iterator for Unchecked {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let batch = Batch::parse(&mut self.0);
        if batch.is_err() {
            self.0 = Bytes::new();
        }
        Some(batch)
    }
}
