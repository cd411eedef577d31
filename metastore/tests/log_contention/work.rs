//! Commits at a rate; swaps and trims beside them; swaps side by side.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alluvium_metastore::{
    Metastore, fixtures,
    kv::{Db, Engine},
    leases::{Lease, LeaseKey},
    log::NewObject,
};
use alluvium_model::{
    Extent, ExtentSource, ObjectId, Offset, Timestamp, TopicPartition, log::CommitLimits, object_key,
};
use alluvium_runtime::SeededRng;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    counted_engine::CountedEngine,
    figures::{Figures, p99},
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const GRACE: Duration = Duration::from_secs(600);
/// Extents that one swap replaces, swaps, and swaps for each trim.
const INPUTS: usize = 1_000;
const SWAPS: usize = 12;
const SWAPS_PER_TRIM: usize = 3;
/// Segments of one commit that only prepares.
const COMMIT_SEGMENTS: u64 = 100;
/// Time for which commits are measured alone.
const ALONE: Duration = Duration::from_secs(2);

/// The same store, as producers use it and as the compactor uses it.
pub struct Stores {
    producers: Arc<CountedEngine>,
    compactor: Arc<CountedEngine>,
}

/// Partitions of which each has an extent in each of so many segments.
#[derive(Clone, Copy)]
pub struct Shared {
    pub partitions: i32,
    pub segments: u64,
}

impl Stores {
    pub fn of(producers: Arc<dyn Engine>, compactor: Arc<dyn Engine>) -> Self {
        let counted = |engine| Arc::new(CountedEngine::new(engine));
        Self { producers: counted(producers), compactor: counted(compactor) }
    }
}

async fn open(engine: &Arc<CountedEngine>, seed: u64) -> Metastore {
    let rng = Arc::new(SeededRng::new(seed));
    Metastore::open(Db::new(engine.clone(), rng.clone()), &*rng).await.expect("the store opens")
}

/// Numbers of objects: none is given twice.
pub fn number() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// Swaps and trims a partition that gets `rate` commits per second.
pub async fn contend(stores: &Stores, rate: u32) -> Figures {
    let (producers, compactor) = (open(&stores.producers, 1).await, open(&stores.compactor, 2).await);
    let partition = fixtures::topic(&producers, "busy", 1, NOW).await.all_partitions().next().expect("it has one");
    fill(&producers, &[partition], (SWAPS * INPUTS) as u64).await;
    let alone = CancellationToken::new();
    let commits = tokio::spawn(commit_at(producers.clone(), partition, rate, alone.clone()));
    tokio::time::sleep(ALONE).await;
    alone.cancel();
    let commit_alone = p99(commits.await.expect("commits succeed"));

    let stop = CancellationToken::new();
    let commits = tokio::spawn(commit_at(producers, partition, rate, stop.clone()));
    let lease = fixtures::lease(&compactor, LeaseKey::Partition(partition)).await;
    let started = Instant::now();
    let mut figures = swap_and_trim(&compactor, &lease, partition).await;
    figures.took = started.elapsed();
    stop.cancel();
    let commit_beside = p99(commits.await.expect("commits succeed"));
    Figures { commit_alone, commit_beside, ..counted(stores, figures) }
}

fn counted(stores: &Stores, figures: Figures) -> Figures {
    let metrics = stores.compactor.metrics();
    let retries = metrics.retries.load(Ordering::Relaxed);
    let gave_up = figures.gave_up + stores.producers.metrics().gave_up.load(Ordering::Relaxed);
    Figures { retries, gave_up, ..figures }
}

async fn swap_and_trim(metastore: &Metastore, lease: &Lease, partition: TopicPartition) -> Figures {
    let mut figures = Figures::default();
    let mut from = Offset(0);
    for swap in 0..SWAPS {
        let (replaced, succeeded) = swap_next(metastore, lease, partition, from, INPUTS).await;
        from = replaced;
        figures.done += 1;
        figures.gave_up += u64::from(!succeeded);
        if swap % SWAPS_PER_TRIM == SWAPS_PER_TRIM - 1 {
            let start = Offset(from.0 - INPUTS as i64 / 2);
            figures.gave_up += u64::from(metastore.log.trim(partition, start, NOW).await.is_err());
            figures.done += 1;
        }
    }
    figures
}

/// Replaces the next `count` extents from `from` by one. Returns where they end, and whether the swap succeeded.
async fn swap_next(
    metastore: &Metastore,
    lease: &Lease,
    partition: TopicPartition,
    from: Offset,
    count: usize,
) -> (Offset, bool) {
    let inputs = metastore.log.find(partition, from, count).await.expect("extents read");
    let outputs = [output(partition, &inputs)];
    let end = outputs[0].0.offsets.end;
    let swapped = metastore.log.swap(lease, partition, &inputs, &outputs, NOW, GRACE).await;
    if let Err(error) = &swapped {
        println!("swap: {error}");
    }
    (end, swapped.is_ok())
}

pub fn output(partition: TopicPartition, inputs: &[Extent]) -> (Extent, NewObject) {
    let (first, last) = (&inputs[0], &inputs[inputs.len() - 1]);
    let object = ObjectId::new(NOW, 2, number());
    let extent = Extent {
        offsets: first.offsets.start..last.offsets.end,
        object,
        source: ExtentSource::History { level: 1, file_bytes: 10 },
        bytes: 10,
        records: inputs.iter().map(|input| input.records).sum(),
        timestamps: (NOW, NOW),
    };
    (extent, NewObject { key: object_key::history("t", partition.topic, object), bytes: 500 })
}

/// Commits `segments` segments with one extent for each of `partitions`.
pub async fn fill(metastore: &Metastore, partitions: &[TopicPartition], segments: u64) {
    let mut left = segments;
    while left > 0 {
        let count = left.min(COMMIT_SEGMENTS);
        let segments: Vec<_> = (0..count).map(|_| fixtures::segment(partitions, number(), NOW)).collect();
        metastore.log.commit(&segments, || NOW, &CommitLimits::default()).await.expect("a commit alone succeeds");
        left -= count;
    }
}

/// Commits one segment after the other until `stop`. Returns how long each took.
async fn commit_at(
    metastore: Metastore,
    partition: TopicPartition,
    rate: u32,
    stop: CancellationToken,
) -> Vec<Duration> {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut took = Vec::new();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let started = Instant::now();
        let segment = fixtures::segment(&[partition], number(), NOW);
        metastore.log.commit(&[segment], || NOW, &CommitLimits::default()).await.expect("commits succeed");
        took.push(started.elapsed());
    }
    took
}

/// Swaps all extents of partitions that share segments, by so many workers at once, each partition in ten swaps.
pub async fn swap_shared(stores: &Stores, shared: Shared, workers: usize) -> Figures {
    const PARTS: u64 = 10;
    let metastore = open(&stores.producers, 1).await;
    let topic = fixtures::topic(&metastore, "shared", shared.partitions, NOW).await;
    let partitions: Vec<_> = topic.all_partitions().collect();
    fill(&metastore, &partitions, shared.segments).await;
    let mut work = Vec::new();
    let compactor = open(&stores.compactor, 2).await;
    for partition in &partitions {
        work.push((*partition, fixtures::lease(&compactor, LeaseKey::Partition(*partition)).await));
    }
    let inputs = usize::try_from(shared.segments / PARTS).expect("few");
    let started = Instant::now();
    let tasks = (0..workers).map(|worker| {
        let mine: Vec<_> = work.iter().skip(worker).step_by(workers).cloned().collect();
        let compactor = compactor.clone();
        tokio::spawn(async move {
            let mut gave_up = 0;
            for part in 0..PARTS {
                for (partition, lease) in &mine {
                    let from = Offset((part * inputs as u64).cast_signed());
                    gave_up += u64::from(!swap_next(&compactor, lease, *partition, from, inputs).await.1);
                }
            }
            gave_up
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut figures = Figures { done: PARTS * partitions.len() as u64, ..Figures::default() };
    for task in tasks {
        figures.gave_up += task.await.expect("a worker does not panic");
    }
    figures.took = started.elapsed();
    counted(stores, figures)
}
