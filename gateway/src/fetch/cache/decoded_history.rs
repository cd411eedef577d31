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

/// A source of bytes for one decoding. The decoding holds a permit while it decodes, and returns it to read more.
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
        self.set_decoding(None);
        self.source.read(range)
    }

    /// Not part of a read: several may be in flight, and one that held a permit while another waits for one could wait
    /// for ever.
    fn ready_to_decode(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.set_decoding(None);
            let permit = self.decodes.acquire().await.expect("the semaphore is never closed");
            self.set_decoding(Some(permit));
        })
    }
}

impl<'a> DecodingReader<'a> {
    /// The permit before is dropped.
    fn set_decoding(&self, permit: Option<SemaphorePermit<'a>>) {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alluvium_history::{HistoryCompression, HistoryRecord, HistoryWriter, TimestampType};
    use alluvium_model::{Timestamp, TopicId, TopicPartition};
    use alluvium_runtime::{Rng, SeededRng};
    use futures::future::try_join_all;
    use tokio::time::{sleep, timeout};

    use super::*;

    const RECORDS: i64 = 400;
    const RECORD_BYTES: usize = 16 << 10;

    /// A file whose later bytes take longer to read.
    struct SlowFile(Bytes);

    impl RangedRead for SlowFile {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>> {
            Box::pin(async move {
                sleep(Duration::from_micros(range.start)).await;
                Ok(self.0.slice(range.start as usize..range.end as usize))
            })
        }
    }

    fn file_of_large_records() -> SlowFile {
        let partition = TopicPartition::new(TopicId(uuid::Uuid::from_u128(1)), PartitionIndex(0));
        let mut writer = HistoryWriter::new("orders", partition, Offset(0), HistoryCompression::default()).unwrap();
        let rng = SeededRng::new(1);
        for offset in (0..RECORDS).map(Offset) {
            let value: Vec<u8> = (0..RECORD_BYTES / 8).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
            let (timestamp, timestamp_type) = (Timestamp(0), TimestampType::CreateTime);
            let (key, value, headers) = (None, Some(value.into()), Vec::new());
            writer.push(&HistoryRecord { offset, timestamp, timestamp_type, key, value, headers }).unwrap();
        }
        SlowFile(writer.finish(Offset(RECORDS)).unwrap().parts.concat().into())
    }

    /// The columns of large records are far apart, so each of these decodings reads twice at the same time. They once
    /// took a permit for each read, and all waited for the second ones.
    #[tokio::test(start_paused = true)]
    async fn decodings_that_read_several_ranges_do_not_wait_for_each_other_for_ever() {
        let source = file_of_large_records();
        let file = HistoryFile::open(&source).await.unwrap();
        let history = DecodedHistory::new(0, Metrics::default());
        let decode = async |from: i64| {
            let reader = history.decoding_reader(&source);
            file.batches_within(&reader, Offset(from)..Offset(from + 10), CHUNK_BYTES_MAX).await
        };
        let decodes = (100..RECORDS - 10).step_by(10).map(decode);
        let decoded =
            timeout(Duration::from_secs(600), try_join_all(decodes)).await.expect("no decoding hangs").unwrap();
        assert!(decoded.len() > CONCURRENT_DECODES_MAX && decoded.iter().all(|batches| !batches.is_empty()));
    }
}
