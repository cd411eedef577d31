//! The segments that this agent wrote lately, as the batches that they were made of: readers at the tail need neither the
//! object store nor the metastore.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::{ObjectId, TopicPartition};
use alluvium_wire::batch::Batch;
use bytes::{Bytes, BytesMut};

/// What a kept batch costs beyond its bytes.
const BATCH_OVERHEAD_BYTES: u64 = 256;

/// One segment's batches.
#[derive(Clone, Debug)]
pub struct RecentSegment {
    object: ObjectId,
    /// By where the run starts in the object.
    runs: BTreeMap<u64, Arc<[Batch]>>,
    frame: Frame,
    bytes: u64,
}

/// What a segment has around its runs.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Before the first of them.
    pub header: Bytes,
    /// After the last of them.
    pub footer: Bytes,
}

impl RecentSegment {
    /// The runs of `object`, each with where it starts.
    #[must_use]
    pub fn new(
        object: ObjectId,
        frame: Frame,
        runs: impl IntoIterator<Item = (u64, (TopicPartition, Vec<Batch>))>,
    ) -> Self {
        let runs: BTreeMap<u64, Arc<[Batch]>> =
            runs.into_iter().map(|(start, (_, batches))| (start, batches.into())).collect();
        let weight = |batch: &Batch| batch.len() as u64 + BATCH_OVERHEAD_BYTES;
        let batches: u64 = runs.values().flat_map(|batches| batches.iter()).map(weight).sum();
        let bytes = batches + (frame.header.len() + frame.footer.len()) as u64;
        Self { object, runs, frame, bytes }
    }

    /// The object, byte for byte.
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

/// The segments kept: the newest, up to a number of bytes. Clones share them.
#[derive(Clone, Debug)]
pub struct RecentSegments {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    segments: HashMap<ObjectId, Arc<RecentSegment>>,
    order: VecDeque<ObjectId>,
    bytes: u64,
    bytes_max: u64,
}

impl RecentSegments {
    /// Keeps up to `bytes_max`.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let kept = Kept { segments: HashMap::new(), order: VecDeque::new(), bytes: 0, bytes_max };
        Self { kept: Arc::new(Mutex::new(kept)) }
    }

    /// Keeps `segment`, and forgets the oldest for it.
    pub fn insert(&self, segment: RecentSegment) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += segment.bytes;
        kept.order.push_back(segment.object);
        kept.segments.insert(segment.object, Arc::new(segment));
        while kept.bytes > kept.bytes_max {
            let Some(oldest) = kept.order.pop_front() else { break };
            let freed = kept.segments.remove(&oldest).map_or(0, |segment| segment.bytes);
            kept.bytes -= freed;
        }
    }

    /// The batches of the run that starts at `start` in `object`.
    #[must_use]
    pub fn run(&self, object: ObjectId, start: u64) -> Option<Arc<[Batch]>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.segments.get(&object)?.runs.get(&start).cloned()
    }

    /// All of `object` as it is stored, for agents that did not write it.
    #[must_use]
    pub fn whole(&self, object: ObjectId) -> Option<Bytes> {
        let segment = self.kept.lock().unwrap_or_else(PoisonError::into_inner).segments.get(&object).cloned();
        segment.map(|segment| segment.whole())
    }

    /// Bytes kept.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }
}
