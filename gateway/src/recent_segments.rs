//! Segments that this agent wrote lately, held as the batches they were made of: most readers at the tail need neither
//! the object store nor other agents.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::{ObjectId, TopicPartition};
use alluvium_wire::batch::Batch;
use bytes::{Bytes, BytesMut};

/// Memory that a batch takes beyond its bytes.
const BATCH_OVERHEAD_BYTES: u64 = 256;

/// The batches of one segment.
#[derive(Clone, Debug)]
pub struct RecentSegment {
    object: ObjectId,
    /// The batches of each run, by the byte at which the run starts in the object.
    runs: BTreeMap<u64, Arc<[Batch]>>,
    frame: Frame,
    /// Memory that the segment takes.
    bytes: u64,
}

/// The bytes of a segment around its runs.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The bytes before the first run.
    pub header: Bytes,
    /// The bytes after the last run.
    pub footer: Bytes,
}

impl RecentSegment {
    /// The segment `object` with its runs, each with the byte at which it starts.
    #[must_use]
    pub fn new(
        object: ObjectId,
        frame: Frame,
        runs: impl IntoIterator<Item = (u64, (TopicPartition, Vec<Batch>))>,
    ) -> Self {
        let runs: BTreeMap<u64, Arc<[Batch]>> =
            runs.into_iter().map(|(start, (_, batches))| (start, batches.into())).collect();
        let memory_bytes = |batch: &Batch| batch.len() as u64 + BATCH_OVERHEAD_BYTES;
        let batches: u64 = runs.values().flat_map(|batches| batches.iter()).map(memory_bytes).sum();
        let bytes = batches + (frame.header.len() + frame.footer.len()) as u64;
        Self { object, runs, frame, bytes }
    }

    /// The object as it is stored, byte for byte.
    fn whole(&self) -> Bytes {
        let batches = || self.runs.values().flat_map(|batches| batches.iter());
        let Frame { header, footer } = &self.frame;
        let bytes = header.len() + batches().map(Batch::len).sum::<usize>() + footer.len();
        let mut whole = BytesMut::with_capacity(bytes);
        whole.extend_from_slice(header);
        batches().flat_map(Batch::parts).for_each(|part| whole.extend_from_slice(&part));
        whole.extend_from_slice(footer);
        whole.freeze()
    }
}

/// The newest segments, up to a number of bytes. Clones share them.
#[derive(Clone, Debug)]
pub struct RecentSegments {
    segments: Arc<Mutex<SegmentQueue>>,
}

#[derive(Debug)]
struct SegmentQueue {
    by_id: HashMap<ObjectId, Arc<RecentSegment>>,
    /// The oldest first.
    order: VecDeque<ObjectId>,
    bytes: u64,
    bytes_max: u64,
}

impl RecentSegments {
    /// Holds segments of up to `bytes_max` of memory.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let queue = SegmentQueue { by_id: HashMap::new(), order: VecDeque::new(), bytes: 0, bytes_max };
        Self { segments: Arc::new(Mutex::new(queue)) }
    }

    /// Adds `segment` and evicts the oldest segments beyond the bound.
    pub fn insert(&self, segment: RecentSegment) {
        let mut queue = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        queue.bytes += segment.bytes;
        queue.order.push_back(segment.object);
        queue.by_id.insert(segment.object, Arc::new(segment));
        while queue.bytes > queue.bytes_max {
            let Some(oldest) = queue.order.pop_front() else { break };
            let freed = queue.by_id.remove(&oldest).map_or(0, |segment| segment.bytes);
            queue.bytes -= freed;
        }
    }

    /// The batches of the run that starts at `start` in `object`.
    #[must_use]
    pub fn run(&self, object: ObjectId, start: u64) -> Option<Arc<[Batch]>> {
        let queue = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        queue.by_id.get(&object)?.runs.get(&start).cloned()
    }

    /// Whether `object` is held.
    #[must_use]
    pub fn holds(&self, object: ObjectId) -> bool {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner).by_id.contains_key(&object)
    }

    /// The whole of `object` as it is stored, for agents that did not write it.
    #[must_use]
    pub fn whole(&self, object: ObjectId) -> Option<Bytes> {
        let segment = self.segments.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(&object).cloned();
        segment.map(|segment| segment.whole())
    }

    /// Bytes of memory that the segments take.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }
}
