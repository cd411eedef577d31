//! Swaps and trims beside commits to the same partitions, and swaps beside each other: they commute, so that neither
//! has to try again because of the other. On the engine in memory with the latencies of a remote store, on redb, and on
//! FoundationDB if it is installed. `--nocapture` shows the figures.

#![expect(clippy::print_stdout, reason = "it prints its figures")]

mod counted_engine;
mod deletion;
mod figures;
mod work;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alluvium_fdb_server::{FdbServer, unique_prefix};
use alluvium_metastore::kv::{FdbEngine, FdbOptions, KvFaults, MemoryEngine, RedbEngine};

use work::{Shared, Stores};

/// Commits per second to the partition that is compacted and trimmed.
const RATES: [u32; 3] = [1, 10, 100];
/// Attempts that a swap or a trim may take on average.
const ATTEMPTS_MAX: f64 = 1.2;
/// Partitions whose extents share segments, and the number of these segments.
const SHARED: Shared = Shared { partitions: 16, segments: 100 };
/// Three workers swap so many times as fast as one, if only the store limits them.
const SPEED_UP_OF_THREE_MIN: f64 = 2.5;

/// An engine in memory with the latencies of a remote store, as two processes see it.
fn memory() -> Stores {
    let faults = |seed| KvFaults { seed, latency_max: Duration::from_millis(2), ..KvFaults::none() };
    let engine = MemoryEngine::new(faults(1));
    let other = engine.for_other_process(faults(2));
    Stores::of(Arc::new(engine), Arc::new(other))
}

async fn fdb() -> Stores {
    let prefix = unique_prefix();
    let engine = async || {
        let cluster_file = Some(FdbServer::shared().cluster_file());
        let options = FdbOptions { cluster_file, prefix: prefix.clone().into_bytes(), library: None };
        Arc::new(FdbEngine::open(options).await.expect("a fresh server answers"))
    };
    Stores::of(engine().await, engine().await)
}

async fn swaps_and_trims_win(kind: &str, stores: impl AsyncFn() -> Stores) {
    let mut measured = Vec::new();
    for rate in RATES {
        let figures = work::contend(&stores().await, rate).await;
        println!("{kind}, {rate} commits/s: {figures}");
        measured.push((rate, figures));
    }
    for (rate, figures) in measured {
        assert_eq!(figures.gave_up, 0, "{kind}, {rate} commits/s: {figures}");
        assert!(figures.attempts() <= ATTEMPTS_MAX, "{kind}, {rate} commits/s: {figures}");
    }
}

/// Returns the time that all swaps took, by the number of workers.
async fn swaps_side_by_side(kind: &str, stores: impl AsyncFn() -> Stores) -> BTreeMap<usize, Duration> {
    let mut measured = BTreeMap::new();
    for workers in [1, 2, 3, 8] {
        let figures = work::swap_shared(&stores().await, SHARED, workers).await;
        println!("{kind}, {workers} workers: {figures}");
        measured.insert(workers, figures);
    }
    for (workers, figures) in &measured {
        assert_eq!((figures.retries, figures.gave_up), (0, 0), "{kind}, {workers} workers: {figures}");
    }
    measured.into_iter().map(|(workers, figures)| (workers, figures.took)).collect()
}

#[tokio::test(start_paused = true)]
async fn swaps_and_trims_win_beside_commits() {
    swaps_and_trims_win("memory", async || memory()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_and_trims_win_beside_commits_on_redb() {
    let directory = tempfile::tempdir().expect("a directory");
    let opened = std::sync::atomic::AtomicU32::new(0);
    let stores = async || {
        let number = opened.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string();
        let engine = Arc::new(RedbEngine::open(directory.path().join(number)).expect("a fresh store opens"));
        Stores::of(engine.clone(), engine)
    };
    swaps_and_trims_win("redb", stores).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn swaps_and_trims_win_beside_commits_on_fdb() {
    swaps_and_trims_win("FoundationDB", fdb).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_races_with_the_deletion_of_a_topic_leaves_nothing_behind() {
    for seed in 0..20 {
        let latency = KvFaults { latency_max: Duration::from_millis(5), ..KvFaults::none() };
        let faults = KvFaults { seed, conflict_per_mille: 50, unknown_per_mille: 100, ..latency };
        deletion::race(&MemoryEngine::new(faults), seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn swaps_of_partitions_that_share_segments_never_conflict() {
    let took = swaps_side_by_side("memory", async || memory()).await;
    // In virtual time only the store is waited for, not the processor.
    assert!(took[&1] >= took[&3].mul_f64(SPEED_UP_OF_THREE_MIN), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn swaps_of_partitions_that_share_segments_never_conflict_on_fdb() {
    swaps_side_by_side("FoundationDB", fdb).await;
}
