//! A cluster to compact: commits segments and reads records the way agents do, and records what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alluvium_history::{HistoryCompression, HistoryFile, HistoryRecord};
use alluvium_metastore::kv::{Db, FaultSwitch, KvFaults, MemoryEngine};
use alluvium_metastore::nodes::{NewNode, Session, SessionConfig};
use alluvium_metastore::topics::{NewTopic, Topic};
use alluvium_metastore::{Metastore, fixtures};
use alluvium_model::log::{CommitLimits, RunCommit, SegmentCommit};
use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, Timestamp, TopicId, TopicPartition, object_key};
use alluvium_objects::faults::{FaultStore, Faults};
use alluvium_objects::{Objects, ObjectsConfig};
use alluvium_runtime::{Clock, ManualClock, SeededRng, SystemClock};
use alluvium_wire::batch::{Batch, BatchHeader, Batches};
use object_store::memory::InMemory;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::drafts::{DraftBatch, DraftSegment, commit_of, decode, encode, history_record, run_input};
use crate::rewrite::ObjectSource;
use crate::{Compactor, CompactorConfig};

pub(super) struct World {
    engine: MemoryEngine,
    /// Changes the faults of `metastore`.
    pub(super) metastore_faults: FaultSwitch,
    pub(super) metastore: Metastore,
    pub(super) objects: Objects,
    pub(super) faults: Faults,
    pub(super) clock: Arc<ManualClock>,
    pub(super) topic: Topic,
    pub(super) session: Session,
    /// Every record that was acknowledged.
    pub(super) acknowledged: BTreeMap<TopicPartition, Vec<HistoryRecord>>,
    segments: u64,
    producers: i64,
    /// Compactors started so far: the seed of the next. Equal seeds would give their files the same names.
    compactors: AtomicU64,
}

/// A process that runs a compactor.
pub(super) struct Process {
    pub(super) session: Session,
    pub(super) compactor: Compactor,
    heartbeats: JoinHandle<()>,
}

impl Process {
    /// Stops the heartbeats, so that its session expires.
    pub(super) fn stop_heartbeats(&self) {
        self.heartbeats.abort();
    }
}

/// Opens the metastore in `engine` as one process does.
async fn open_metastore(engine: MemoryEngine, seed: u64) -> Metastore {
    let rng = Arc::new(SeededRng::new(seed));
    let db = Db::new(Arc::new(engine), rng.clone());
    Metastore::open(db, &*rng).await.expect("a metastore in memory opens")
}

impl World {
    pub(super) async fn new(partitions: i32, configs: &[(&str, &str)], faults: KvFaults) -> Self {
        let engine = MemoryEngine::default();
        let own_engine = engine.for_other_process(faults);
        let metastore_faults = own_engine.fault_switch();
        let metastore = open_metastore(own_engine, 1).await;
        let (store, faults) = FaultStore::new(Arc::new(InMemory::new()));
        let objects = Objects::new(Arc::new(store), "", ObjectsConfig::default());
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let topic = create(&metastore, "orders", partitions, configs, clock.now()).await;
        let session = fixtures::alone(&metastore).await;
        let acknowledged = topic.all_partitions().map(|partition| (partition, Vec::new())).collect();
        Self {
            engine,
            metastore_faults,
            metastore,
            objects,
            faults,
            clock,
            topic,
            session,
            acknowledged,
            segments: 0,
            producers: 0,
            compactors: AtomicU64::new(100),
        }
    }

    pub(super) fn partition(&self, number: i32) -> TopicPartition {
        TopicPartition::new(self.topic.id, alluvium_model::PartitionIndex(number))
    }

    /// A compactor that shares nothing with any before it, as after a restart of the only one.
    pub(super) fn compactor(&self, config: CompactorConfig) -> Compactor {
        self.compactor_of(self.session.clone(), config)
    }

    /// Ends the session of [`Self::compactor`], so that only processes are live.
    pub(super) async fn end_session(&self) {
        self.session.leave().await;
    }

    /// A compactor in its own process, with `faults` between it and the metastore.
    pub(super) async fn process(&self, faults: KvFaults, config: CompactorConfig) -> Process {
        let seed = self.compactors.fetch_add(1, Ordering::Relaxed);
        let metastore = self.engine.for_other_process(KvFaults { seed: faults.seed ^ seed, ..faults });
        let metastore = open_metastore(metastore, seed).await;
        let rng = Arc::new(SeededRng::new(seed));
        let new = NewNode { compacts: true, ..NewNode::default() };
        let (nodes, clock) = (metastore.nodes.clone(), self.clock.clone());
        let session = Session::open(nodes, new, SessionConfig::default(), clock.clone(), rng.clone());
        let session = session.await.expect("registered");
        let objects = self.objects.clone();
        let compactor = Compactor::new(metastore, objects, config, session.clone(), clock, rng);
        let heartbeats = tokio::spawn(session.clone().run(CancellationToken::new()));
        Process { session, compactor, heartbeats }
    }

    /// A compactor that acquires its leases for `session`.
    pub(super) fn compactor_of(&self, session: Session, config: CompactorConfig) -> Compactor {
        self.compactor_with_clock(session, config, self.clock.clone())
    }

    /// The same with a clock of its own.
    pub(super) fn compactor_with_clock(
        &self,
        session: Session,
        config: CompactorConfig,
        clock: Arc<dyn Clock>,
    ) -> Compactor {
        let rng = Arc::new(SeededRng::new(self.compactors.fetch_add(1, Ordering::Relaxed)));
        Compactor::new(self.metastore.clone(), self.objects.clone(), config, session, clock, rng)
    }

    /// Uploads and commits a segment.
    pub(super) async fn commit(&mut self, drafts: DraftSegment) -> ObjectId {
        self.clock.advance_ms(1);
        let now = self.clock.now();
        self.segments += 1;
        let object = ObjectId::new(now, 1, self.segments);
        let mut sent: BTreeMap<TopicPartition, Vec<(DraftBatch, Batch)>> = BTreeMap::new();
        for (number, batches) in drafts {
            let partition = self.partition(number);
            let sends = sent.entry(partition).or_default();
            for draft in batches {
                self.producers += 1;
                let batch = encode(&draft, self.producers, now);
                if draft.repeated {
                    sends.push((draft.clone(), batch.clone()));
                }
                sends.push((draft, batch));
            }
        }
        sent.retain(|_, batches| !batches.is_empty());
        let runs = sent.iter().map(|(partition, batches)| run_input(*partition, batches)).collect();
        let encoded = alluvium_segment::encode(1, now, runs).expect("a segment");
        self.objects.put(&object_key::segment(object), encoded.parts).await.expect("put");
        let runs = encoded.runs.iter().map(|run| RunCommit {
            partition: run.partition,
            position: run.position.clone(),
            batches: sent[&run.partition].iter().map(|(_, batch)| commit_of(batch)).collect(),
        });
        let commit = SegmentCommit { object, bytes: encoded.bytes, runs: runs.collect() };
        let outcomes = self.metastore.log.commit(&[commit], || now, &CommitLimits::default()).await.expect("commit");
        for run in &outcomes[0].runs {
            for ((draft, _), ack) in sent[&run.partition].iter().zip(&run.batches) {
                let ack = ack.as_ref().expect("accepted");
                if !ack.duplicate {
                    let records = self.acknowledged.get_mut(&run.partition).expect("known");
                    records.extend(
                        (ack.base.0..).zip(&draft.records).map(|(o, record)| history_record(o, record, draft, now)),
                    );
                }
            }
        }
        object
    }

    /// The records that a consumer must be able to read: those acknowledged, from the log start on.
    pub(super) async fn expected(&self, partition: TopicPartition) -> Vec<HistoryRecord> {
        let head = self.metastore.log.head(partition).await.expect("read").expect("there");
        let records = self.acknowledged[&partition].iter();
        records.filter(|record| record.offset >= head.start).cloned().collect()
    }

    /// Asserts that every partition reads as acknowledged, from its start and from its middle.
    pub(super) async fn check(&self) {
        for partition in self.topic.all_partitions() {
            let expected = self.expected(partition).await;
            assert_eq!(self.read(partition, Offset(0)).await, expected, "{partition} from its start");
            if let Some(middle) = expected.get(expected.len() / 2) {
                let rest = self.read(partition, middle.offset).await;
                assert_eq!(rest, expected[expected.len() / 2..], "{partition} from {}", middle.offset);
            }
        }
    }

    pub(super) async fn extents(&self, partition: TopicPartition) -> Vec<Extent> {
        self.metastore.log.find(partition, Offset(0), 10_000).await.expect("read")
    }

    pub(super) async fn all_extents(&self) -> Vec<Extent> {
        let mut all = Vec::new();
        for partition in self.topic.all_partitions() {
            all.extend(self.extents(partition).await);
        }
        all
    }

    /// Asserts that the bucket holds exactly the objects of live extents.
    pub(super) async fn check_bucket(&self) {
        let live: BTreeSet<ObjectId> = self.all_extents().await.iter().map(|extent| extent.object).collect();
        let listed = self.keys().await;
        let found: BTreeSet<ObjectId> = listed.iter().filter_map(|key| object_key::parse(key)).collect();
        assert_eq!(found, live);
    }

    pub(super) async fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for prefix in [object_key::SEGMENTS, object_key::HISTORY] {
            let listed = self.objects.list(prefix, None, 100_000).await.expect("list");
            keys.extend(listed.into_iter().map(|listed| listed.key));
        }
        keys
    }

    /// Advances the clock.
    pub(super) fn advance(&self, time: Duration) {
        self.clock.advance_ms(i64::try_from(time.as_millis()).expect("small"));
    }

    /// All records of `partition` from offset `from` on, found and read the way agents do.
    async fn read(&self, partition: TopicPartition, from: Offset) -> Vec<HistoryRecord> {
        let head = self.metastore.log.head(partition).await.expect("read").expect("there");
        let from = from.max(head.start);
        let mut records = Vec::new();
        let mut next = from;
        for extent in self.metastore.log.find(partition, from, 10_000).await.expect("read") {
            assert!(extent.offsets.start <= next, "a hole before {}", extent.offsets.start);
            next = extent.offsets.end;
            match &extent.source {
                ExtentSource::Marker { .. } => {}
                ExtentSource::Segment { .. } => records.extend(self.read_segment(&extent).await),
                ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } => {
                    records.extend(self.read_history(partition, &extent).await);
                }
            }
        }
        assert_eq!(next, head.next.max(from));
        records.retain(|record| record.offset >= from);
        records
    }

    async fn read_segment(&self, extent: &Extent) -> Vec<HistoryRecord> {
        let ExtentSource::Segment { position, rejected } = &extent.source else { panic!("not a segment") };
        let run = self.objects.get_range(&object_key::segment(extent.object), position.clone()).await.expect("run");
        let mut next = extent.offsets.start.0;
        let mut records = Vec::new();
        for (number, batch) in (0_u32..).zip(Batches::new(run)) {
            let batch = batch.expect("a batch");
            if !rejected.contains(&number) {
                let rebased = Batch::exactly_one(batch.rebased(next, 0).concat().into()).expect("rebased");
                next += i64::from(batch.header().record_count);
                records.extend(decode(&rebased));
            }
        }
        records
    }

    async fn read_history(&self, partition: TopicPartition, extent: &Extent) -> Vec<HistoryRecord> {
        let key = object_key::of_extent(&self.topic.name, partition, extent);
        let source = ObjectSource::new(self.objects.clone(), key, extent.file_bytes());
        let file = HistoryFile::open(&source).await.expect("open");
        let file = file.holding(partition, &extent.offsets).expect("it holds the extent");
        let mut next = extent.offsets.start;
        let mut records = Vec::new();
        while next < extent.offsets.end {
            for bytes in file.batches(&source, next, 2_000).await.expect("batches") {
                let batch = Batch::exactly_one(bytes).expect("one batch");
                batch.verify_crc().expect("crc");
                records.extend(decode(&batch));
                let BatchHeader { base_offset, last_offset_delta, .. } = *batch.header();
                next = Offset(base_offset + i64::from(last_offset_delta) + 1);
            }
        }
        records
    }
}

/// Settings for small data: files are full after 20 kB.
pub(super) fn config() -> CompactorConfig {
    CompactorConfig {
        file_bytes_target: 20_000,
        compact_bytes_min: 2_000,
        // An eighth of the time of the tests with zstd, for each column of each of their small files has a context of its own.
        history_compression: HistoryCompression::Uncompressed,
        ..CompactorConfig::default()
    }
}

/// The same, with a file for each partition: for tests that count files.
pub(super) fn own_files() -> CompactorConfig {
    CompactorConfig { shared_part_bytes_max: 0, ..config() }
}

/// Whether the bytes are a history file whose first partition, or only one, has this number.
pub(super) fn begins_with(number: i32) -> impl Fn(&[u8]) -> bool + Send + Sync + 'static {
    const KEY: &[u8] = b"alluvium.partitions";
    let number = format!("{number}:");
    move |bytes| {
        // The footer has a byte of type and one of length before the value.
        let value = bytes.windows(KEY.len()).rposition(|window| window == KEY).map(|at| &bytes[at + KEY.len() + 2..]);
        value.is_some_and(|value| value.starts_with(number.as_bytes()))
    }
}

pub(super) async fn create(
    metastore: &Metastore,
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
    now: Timestamp,
) -> Topic {
    let topic = NewTopic {
        // That of the golden history files, and another one.
        id: TopicId(uuid::Uuid::from_u128(0x1234 + u128::from(name != "orders"))),
        name: name.to_owned(),
        partitions,
        replication_factor: 1,
        configs: configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    metastore.topics.create(topic, now).await.expect("a topic")
}
