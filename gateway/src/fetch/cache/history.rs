//! Decoded history: batches re-encoded from Parquet are dear, and consumers read them a bit at a time.

use std::sync::Arc;

use alluvium_history::HistoryFile;
use alluvium_model::{ObjectId, Offset};
use alluvium_wire::batch::Batch;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use tokio::sync::Semaphore;

use super::counted::counted;
use crate::metrics::Metrics;

/// Bytes that one decoding yields as a rule: enough that its cost is shared, few enough that a seek is quick.
pub const CHUNK_BYTES: usize = 2 << 20;
/// Bytes that one decoding yields at most (beyond it by one record): sizes of records differ within a file.
pub const CHUNK_BYTES_MAX: usize = 4 << 20;
/// Files whose metadata are kept open.
const FILES_MAX: usize = 1_024;

/// Pieces decoded at once: each takes some times [`CHUNK_BYTES`] while it lasts, and a core.
pub const DECODES_AT_ONCE_MAX: usize = 8;

/// Consecutive batches of one file.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// With their offsets in their headers.
    pub batches: Arc<[Batch]>,
    /// The first offset after them.
    pub end: Offset,
    /// What they weigh.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct ChunkBytes;

impl Weighter<(ObjectId, Offset), Chunk> for ChunkBytes {
    fn weight(&self, _key: &(ObjectId, Offset), chunk: &Chunk) -> u64 {
        chunk.bytes.max(1)
    }
}

/// Decoded chunks and open files. Clones share them.
#[derive(Clone)]
pub struct HistoryCache {
    chunks: Arc<Cache<(ObjectId, Offset), Chunk, ChunkBytes>>,
    files: Arc<Cache<ObjectId, HistoryFile>>,
    decodes: Arc<Semaphore>,
    metrics: Metrics,
}

impl HistoryCache {
    /// Keeps up to `bytes_max` of batches.
    #[must_use]
    pub fn new(bytes_max: u64, metrics: Metrics) -> Self {
        let estimated = usize::try_from(bytes_max / CHUNK_BYTES as u64).unwrap_or(usize::MAX).clamp(1, 1 << 16);
        // One shard: a shard's share of the budget has to hold whole chunks.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(estimated)
            .weight_capacity(bytes_max)
            .shards(1)
            .build()
            .expect("both capacities are given");
        let chunks =
            Cache::with_options(options, ChunkBytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self {
            chunks: Arc::new(chunks),
            files: Arc::new(counted(FILES_MAX)),
            decodes: Arc::new(Semaphore::new(DECODES_AT_ONCE_MAX)),
            metrics,
        }
    }

    /// Bytes of decoded history kept.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.weight()
    }

    /// The open file, opened by `open` where it is not.
    pub async fn file<E>(
        &self,
        object: ObjectId,
        open: impl Future<Output = Result<HistoryFile, E>>,
    ) -> Result<HistoryFile, E> {
        self.files.get_or_insert_async(&object, open).await
    }

    /// The chunk that begins at `offset`, decoded by `decode` where there is none.
    pub async fn chunk<E>(
        &self,
        object: ObjectId,
        offset: Offset,
        decode: impl Future<Output = Result<Chunk, E>>,
    ) -> Result<Chunk, E> {
        let decode = async {
            let _slot = self.decodes.acquire().await.expect("nobody closes the semaphore");
            self.metrics.history_decodes.inc();
            decode.await
        };
        self.chunks.get_or_insert_async(&(object, offset), decode).await
    }
}
