//! Decoded history. Re-encoding batches from Parquet is expensive, and consumers read them a little at a time.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_history::{HistoryFile, RangedRead, SourceError};
use alluvium_model::{ObjectId, Offset, PartitionIndex};
use alluvium_wire::batch::Batch;
use bytes::Bytes;
use futures::future::BoxFuture;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::bounded_cache;
use crate::metrics::Metrics;

/// Bytes that one decoding usually yields: enough readers share its cost, and a seek is still quick.
pub const CHUNK_BYTES: usize = 2 << 20;
/// Bytes that one decoding yields at most (one record may exceed it): records of one file differ in size.
pub const CHUNK_BYTES_MAX: usize = 4 << 20;
/// Open files kept, about: each has its metadata.
const OPEN_FILES_ESTIMATED: usize = 1_024;
/// Bytes of the metadata of open files: 32 KiB for each of that many.
const OPEN_FILE_BYTES_MAX: u64 = 32 << 20;
/// Decodings at the same time: each takes one core and several times [`CHUNK_BYTES`].
const CONCURRENT_DECODES_MAX: usize = 8;
/// Chunks that are being read from the store or decoded: each holds up to [`CHUNK_BYTES_MAX`], 128 MiB in all. More
/// than are decoded, so that chunks whose bytes come slowly do not hold up those whose bytes are there.
const CHUNKS_IN_FLIGHT_MAX: usize = 32;

/// Consecutive batches of one history file.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Batches with their offsets in their headers.
    pub batches: Arc<[Batch]>,
    /// The first offset after the last batch.
    pub end: Offset,
    /// Size of the batches, bytes.
    pub bytes: u64,
}

/// The name of a chunk: its file, its partition, which is one of several in some files, and its first offset.
pub type ChunkName = (ObjectId, PartitionIndex, Offset);

/// Weighs a chunk by the size of its batches, bytes.
#[derive(Clone, Copy, Debug)]
struct ChunkWeight;

impl Weighter<ChunkName, Chunk> for ChunkWeight {
    fn weight(&self, _name: &ChunkName, chunk: &Chunk) -> u64 {
        chunk.bytes.max(1)
    }
}

/// Weighs an open file by the memory of its metadata, bytes.
#[derive(Clone, Copy, Debug)]
struct FileWeight;

impl Weighter<ObjectId, HistoryFile> for FileWeight {
    fn weight(&self, _key: &ObjectId, file: &HistoryFile) -> u64 {
        file.weight() as u64
    }
}

/// Decoded chunks and open history files. Clones share them.
#[derive(Clone)]
pub struct DecodedHistory {
    chunks: Arc<Cache<ChunkName, Chunk, ChunkWeight>>,
    files: Arc<Cache<ObjectId, HistoryFile, FileWeight>>,
    in_flight: Arc<Semaphore>,
    decodes: Arc<Semaphore>,
    metrics: Metrics,
}

/// A source of bytes that gives the right to decode to others while it waits for the store.
pub struct DecodingReader<'a> {
    source: &'a dyn RangedRead,
    decodes: &'a Semaphore,
    decoding: Mutex<Option<SemaphorePermit<'a>>>,
}

impl RangedRead for DecodingReader<'_> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(async move {
            self.set_decoding(None);
            let read = self.source.read(range).await;
            let permit = self.decodes.acquire().await.expect("the semaphore is never closed");
            self.set_decoding(Some(permit));
            read
        })
    }
}

impl<'a> DecodingReader<'a> {
    fn set_decoding(&self, permit: Option<SemaphorePermit<'a>>) {
        // The permit before is dropped.
        *self.decoding.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }
}

impl DecodedHistory {
    /// Keeps up to `bytes_max` of batches.
    #[must_use]
    pub fn new(bytes_max: u64, metrics: Metrics) -> Self {
        let chunks = usize::try_from(bytes_max / CHUNK_BYTES as u64).unwrap_or(usize::MAX).clamp(1, 1 << 16);
        Self {
            chunks: Arc::new(bounded_cache::by_weight(bytes_max, chunks, ChunkWeight)),
            files: Arc::new(bounded_cache::by_weight(OPEN_FILE_BYTES_MAX, OPEN_FILES_ESTIMATED, FileWeight)),
            in_flight: Arc::new(Semaphore::new(CHUNKS_IN_FLIGHT_MAX)),
            decodes: Arc::new(Semaphore::new(CONCURRENT_DECODES_MAX)),
            metrics,
        }
    }

    /// Bytes of batches cached.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.weight()
    }

    /// The file `object`, opened by `open` if it is not open yet.
    pub async fn file<E>(
        &self,
        object: ObjectId,
        open: impl Future<Output = Result<HistoryFile, E>>,
    ) -> Result<HistoryFile, E> {
        self.files.get_or_insert_async(&object, open).await
    }

    /// A reader of `source` for a decoding, which decodes only with a permit.
    #[must_use]
    pub fn decoding_reader<'a>(&'a self, source: &'a dyn RangedRead) -> DecodingReader<'a> {
        DecodingReader { source, decodes: &self.decodes, decoding: Mutex::new(None) }
    }

    /// The chunk called `name`, decoded by `decode` (through [`Self::decoding_reader`]) if it is
    /// not cached.
    pub async fn chunk<E>(&self, name: ChunkName, decode: impl Future<Output = Result<Chunk, E>>) -> Result<Chunk, E> {
        let decode = async {
            let _in_flight = self.in_flight.acquire().await.expect("the semaphore is never closed");
            self.metrics.history_decodes.inc();
            decode.await
        };
        self.chunks.get_or_insert_async(&name, decode).await
    }
}
