//! Loads the batches of extents through the caches.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use alluvium_history::HistoryFile;
use alluvium_model::{Extent, Offset, TopicPartition, object_key};
use alluvium_wire::batch::{Batch, BatchError};
use bytes::Bytes;

use super::LoadError;
use super::batch_visit::{BatchVisitor, LoadedBatches};
use super::cache::{BlockCache, CHUNK_BYTES, CHUNK_BYTES_MAX, Chunk, DecodedHistory, ObjectReader, ObjectRef};
use super::marker::control_batch;
use super::offset_assignment::OffsetBatch;
use super::read_plan::ReadPlan;
use super::tier::{ReadSource, Tier, source};
use crate::metadata_cache::MetadataCache;
use crate::metrics::Metrics;
use crate::recent_segments::RecentSegments;

/// The caches that batches are loaded through.
#[derive(Clone)]
pub struct Loader {
    /// Names of topics: keys of history files contain them.
    pub metadata_cache: MetadataCache,
    /// Segments that this agent wrote lately.
    pub recent: RecentSegments,
    /// Segments of other agents at the tail, whole.
    pub tail: BlockCache,
    /// Runs of old segments, old segments that pay to be loaded whole, and blocks of history files.
    pub cold: BlockCache,
    /// Decoded history.
    pub history: DecodedHistory,
    /// Counts hits.
    pub metrics: Metrics,
}

/// A read of one partition.
#[derive(Clone, Copy)]
pub struct PartitionRead<'a> {
    /// The partition.
    pub partition: TopicPartition,
    /// The first offset to read.
    pub from: Offset,
    /// What the same fetch reads.
    pub read_plan: &'a ReadPlan,
}

impl Loader {
    /// Calls `visit` with the batches of `extents` in order, from the one that holds `read.from` on, until it breaks
    /// off.
    ///
    /// # Errors
    /// If something cannot be loaded or is corrupt. `visit` has been called with the batches before it.
    pub async fn visit_batches(
        &self,
        read: PartitionRead<'_>,
        extents: &[Arc<Extent>],
        visit: BatchVisitor<'_>,
    ) -> Result<(), LoadError> {
        let mut at = read.from;
        for extent in extents {
            // The extents come from several lookups with a swap between them, and this one holds offsets that were
            // visited already. The next fetch locates the rest again.
            if at > read.from && extent.offsets.start < at {
                return Ok(());
            }
            at = at.max(extent.offsets.start);
            while at < extent.offsets.end {
                let loaded = self.load(read, extent, at).await?;
                match loaded.visit(extent, at, &mut *visit)? {
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

    /// Opens the history file of `extent`, at its partition. Returns it with the reader that its methods read from.
    ///
    /// # Errors
    /// If the file cannot be read, or does not hold what the extent claims.
    pub async fn open_history(
        &self,
        partition: TopicPartition,
        extent: &Extent,
    ) -> Result<(HistoryFile, ObjectReader), LoadError> {
        let topic = self.metadata_cache.topic_by_id(partition.topic);
        let topic = topic.ok_or_else(|| LoadError::NotFound(format!("topic {} is deleted", partition.topic)))?;
        let key = object_key::of_extent(&topic.topic.name, partition, extent);
        let reader = ObjectReader { cache: self.cold.clone(), object: extent.object, key, bytes: extent.file_bytes() };
        // A file that does not hold the first extent that is looked for is not kept: another agent may have sent it.
        let open = async { part_of(extent, partition, &HistoryFile::open(&reader).await?) };
        let file = self.history.file(extent.object, open).await?;
        Ok((part_of(extent, partition, &file)?, reader))
    }

    /// Whether to read a history file once more after `error`: if its bytes came from another agent, only that agent's
    /// memory may be corrupt, and the next read goes to the object store.
    pub fn should_retry_from_store(&self, extent: &Extent, error: &LoadError) -> bool {
        let LoadError::Corrupt(reason) = error else { return false };
        let from_peer = self.cold.reject_peer_bytes(extent.object, extent.file_bytes());
        if from_peer {
            tracing::warn!(
                object = %extent.object, reason,
                "blocks of a history file from another agent are corrupt; reading them from the object store"
            );
        }
        from_peer
    }

    async fn load(&self, read: PartitionRead<'_>, extent: &Extent, at: Offset) -> Result<LoadedBatches, LoadError> {
        let key = || object_key::segment(extent.object);
        match source(extent, read.read_plan.whole(extent.object), &self.recent) {
            ReadSource::RecentSegment(run) => {
                self.metrics.recent_hits.inc();
                Ok(LoadedBatches::Run(run))
            }
            ReadSource::WholeSegment(tier, run) => {
                let cache = if tier == Tier::Tail { &self.tail } else { &self.cold };
                let bytes = cache.read_whole(ObjectRef { id: extent.object, key: &key() }, run.clone()).await;
                bytes.map(LoadedBatches::Bytes)
            }
            ReadSource::SegmentRun(run) => {
                if let Some(run) = self.tail.cached_part(extent.object, run) {
                    return Ok(LoadedBatches::Bytes(run));
                }
                let object = ObjectRef { id: extent.object, key: &key() };
                let bytes = self.cold.read_run(object, run.clone(), read.read_plan).await;
                bytes.map(LoadedBatches::Bytes)
            }
            ReadSource::Marker(producer, verdict) => {
                let marker = control_batch(extent.offsets.start, extent.timestamps.0, producer, verdict);
                marker.map(LoadedBatches::Marker)
            }
            ReadSource::History => {
                let chunk = match self.load_history(read.partition, extent, at).await {
                    Err(error) if self.should_retry_from_store(extent, &error) => {
                        self.load_history(read.partition, extent, at).await
                    }
                    chunk => chunk,
                };
                chunk.map(LoadedBatches::Chunk)
            }
        }
    }

    /// The decoded chunk that holds `at`. Chunks begin at the same offsets for every reader, so that readers share
    /// them: at the beginning of a piece of the file or, if the piece is larger than one chunk, where the previous
    /// chunk ends.
    async fn load_history(&self, partition: TopicPartition, extent: &Extent, at: Offset) -> Result<Chunk, LoadError> {
        let (file, reader) = self.open_history(partition, extent).await?;
        let piece = file.chunk(at, CHUNK_BYTES);
        let mut from = piece.start;
        loop {
            let decode = async {
                let reader = self.history.decoding_reader(&reader);
                let batches = file.batches_within(&reader, from..piece.end, CHUNK_BYTES_MAX).await?;
                chunk(from, batches)
            };
            let chunk = self.history.chunk((extent.object, partition.partition, from), decode).await?;
            if chunk.end > at || chunk.end <= from {
                return Ok(chunk);
            }
            from = chunk.end;
        }
    }
}

/// What `file` holds of `partition`, which must be the offsets of `extent`.
fn part_of(extent: &Extent, partition: TopicPartition, file: &HistoryFile) -> Result<HistoryFile, LoadError> {
    let Range { start, end } = &extent.offsets;
    file.holding(partition, &extent.offsets).ok_or_else(|| {
        let found = file.contents();
        LoadError::Corrupt(format!("{} holds {found}, not offsets {start} to {end} of {partition}", extent.object))
    })
}

/// The chunk of `batches`, the first of which begins at `from`.
fn chunk(from: Offset, batches: Vec<Bytes>) -> Result<Chunk, LoadError> {
    let parsed = batches.into_iter().map(Batch::exactly_one).collect::<Result<Vec<Batch>, BatchError>>()?;
    let bytes = parsed.iter().map(|batch| batch.len() as u64).sum();
    let end = parsed.last().map_or(from, |last| OffsetBatch::from_header(last.clone()).end);
    Ok(Chunk { batches: parsed.into(), end, bytes })
}
