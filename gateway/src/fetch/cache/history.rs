//! Decoded history: batches re-encoded from Parquet are dear, and consumers read them a bit at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_history::HistoryFile;
use alluvium_model::{ObjectId, Offset};
use alluvium_wire::batch::Batch;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Bytes that one decoding yields: enough that the row group's cost is shared, few enough that a seek is quick.
pub const CHUNK_BYTES: usize = 2 << 20;
/// Files whose metadata are kept open.
const FILES_MAX: usize = 1_024;
/// Chunk starts remembered per file: those evicted are found missing and cost one decoding.
const STARTS_MAX: usize = 4_096;

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

/// Where chunks of one file start, and where each ends.
type Starts = Arc<Mutex<BTreeMap<Offset, Offset>>>;

/// Decoded chunks and open files. Clones share them.
#[derive(Clone)]
pub struct HistoryCache {
    chunks: Arc<Cache<(ObjectId, Offset), Chunk, ChunkBytes>>,
    starts: Arc<Cache<ObjectId, Starts>>,
    files: Arc<Cache<ObjectId, HistoryFile>>,
}

impl HistoryCache {
    /// Keeps up to `bytes_max` of batches.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let estimated = usize::try_from(bytes_max / CHUNK_BYTES as u64).unwrap_or(usize::MAX).clamp(1, 1 << 16);
        Self {
            chunks: Arc::new(Cache::with_weighter(estimated, bytes_max, ChunkBytes)),
            starts: Arc::new(Cache::new(FILES_MAX)),
            files: Arc::new(Cache::new(FILES_MAX)),
        }
    }

    /// The open file, opened by `open` where it is not.
    pub async fn file<E>(
        &self,
        object: ObjectId,
        open: impl Future<Output = Result<HistoryFile, E>>,
    ) -> Result<HistoryFile, E> {
        self.files.get_or_insert_async(&object, open).await
    }

    /// The chunk that holds `offset`, decoded by `decode` from the offset it is given where there is none.
    pub async fn chunk<E>(
        &self,
        object: ObjectId,
        offset: Offset,
        decode: impl Future<Output = Result<Chunk, E>>,
    ) -> Result<Chunk, E> {
        if let Some(chunk) = self.find(object, offset) {
            return Ok(chunk);
        }
        let chunk = self.chunks.get_or_insert_async(&(object, offset), decode).await?;
        let starts = self.starts(object);
        let mut starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.insert(offset, chunk.end);
        if starts.len() > STARTS_MAX {
            starts.pop_first();
        }
        Ok(chunk)
    }

    fn find(&self, object: ObjectId, offset: Offset) -> Option<Chunk> {
        let starts = self.starts.get(&object)?;
        let (start, end) = {
            let starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
            starts.range(..=offset).next_back().map(|(start, end)| (*start, *end))?
        };
        (offset < end).then(|| self.chunks.get(&(object, start))).flatten()
    }

    fn starts(&self, object: ObjectId) -> Starts {
        match self.starts.get_or_insert_with(&object, || Ok::<_, std::convert::Infallible>(Starts::default())) {
            Ok(starts) => starts,
            Err(never) => match never {},
        }
    }
}
