//! No task waits for another: what fails, hangs or has much to do delays only itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_model::Timestamp;
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::{Clock, ManualClock};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::drafts::{DraftBatch, drafts};
use super::world::{World, config};
use crate::{Compactor, CompactorConfig};

fn eager() -> CompactorConfig {
    CompactorConfig { interval: Duration::from_secs(1), compact_bytes_min: 1, ..config() }
}

/// Records of the present.
fn fresh(world: &World, seed: u64) -> DraftBatch {
    let Timestamp(now) = world.clock.now();
    let mut batch = drafts(2, 100, seed);
    batch.records.iter_mut().for_each(|record| record.timestamp = now);
    batch
}

async fn commit(world: &mut World, count: u64) {
    for n in 0..count {
        let batches = vec![fresh(world, n)];
        world.commit(vec![(0, batches)]).await;
    }
}

/// Runs `compactor` in the background until the token is cancelled.
fn start(compactor: &Compactor) -> (JoinHandle<()>, CancellationToken) {
    let (compactor, cancel) = (compactor.clone(), CancellationToken::new());
    let cancelled = cancel.clone();
    (tokio::spawn(async move { compactor.run(cancelled).await }), cancel)
}

/// Waits until the bucket has `count` segments.
async fn until_segments(world: &World, count: usize) {
    let started = Instant::now();
    loop {
        let found = world.keys().await.iter().filter(|key| key.starts_with("segments/")).count();
        if found == count {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{found} segments after two minutes, not {count}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until partition 0 is empty.
async fn until_trimmed(world: &World) {
    let started = Instant::now();
    loop {
        let head = world.metastore.log.head(world.partition(0)).await.expect("read").expect("there");
        if head.is_empty() {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(900), "records are kept for ever");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn retention_and_deletions_go_on_although_a_compaction_never_finishes() {
    let mut world = World::new(1, &[("retention.ms", "3600000")], KvFaults::none()).await;
    commit(&mut world, 3).await;
    world.compactor(config()).run_once().await;
    commit(&mut world, 2).await;
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Hang).key_contains("history/"));
    let (running, cancel) = start(&world.compactor(eager()));
    until_segments(&world, 5).await;
    // Long enough for a compaction to begin, and to be tried again.
    sleep(Duration::from_secs(30)).await;
    world.advance(Duration::from_secs(601));
    until_segments(&world, 2).await;
    world.advance(Duration::from_secs(3600));
    until_trimmed(&world).await;
    cancel.cancel();
    running.await.expect("ends");
}

#[tokio::test(start_paused = true)]
async fn the_lag_is_shown_while_a_compaction_never_finishes() {
    let mut world = World::new(1, &[("retention.ms", "-1")], KvFaults::none()).await;
    commit(&mut world, 2).await;
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Hang).key_contains("history/"));
    let compactor = world.compactor(eager());
    let (running, cancel) = start(&compactor);
    sleep(Duration::from_secs(30)).await;
    commit(&mut world, 3).await;
    world.advance(Duration::from_secs(100));
    commit(&mut world, 1).await;
    sleep(Duration::from_secs(2)).await;
    let bytes: u64 = world.extents(world.partition(0)).await.iter().map(|extent| extent.bytes).sum();
    let counters = compactor.counters();
    assert_eq!(counters.lag_bytes.load(Ordering::Relaxed), bytes);
    assert_eq!(counters.lag_extents.load(Ordering::Relaxed), 6);
    assert!(counters.lag_age_ms.load(Ordering::Relaxed) >= 100_000);
    let compaction = compactor.task_gauges().into_iter().find(|task| task.task == "compaction").expect("a task");
    assert!(compaction.backlog > 0, "{compaction:?}");
    cancel.cancel();
    running.await.expect("ends");
}

/// A clock that panics some times.
struct PanickingClock {
    inner: Arc<ManualClock>,
    panics: AtomicU32,
}

impl Clock for PanickingClock {
    fn now(&self) -> Timestamp {
        let left = self.panics.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        assert!(left.is_err(), "injected");
        self.inner.now()
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_that_panic_or_fail_are_started_again() {
    let mut world = World::new(1, &[("retention.ms", "-1")], KvFaults::none()).await;
    commit(&mut world, 3).await;
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Denied).times(2));
    let clock = Arc::new(PanickingClock { inner: world.clock.clone(), panics: AtomicU32::new(10) });
    let compactor = world.compactor_with_clock(world.session.clone(), eager(), clock);
    let (running, cancel) = start(&compactor);
    let started = Instant::now();
    while !world.all_extents().await.iter().all(|extent| !extent.is_level_0()) {
        assert!(started.elapsed() < Duration::from_secs(300), "not all history within five minutes");
        sleep(Duration::from_millis(100)).await;
        world.advance(Duration::from_millis(100));
    }
    let failures: u64 = compactor.task_gauges().iter().map(|task| task.failures).sum();
    assert!(failures > 0, "nothing has panicked");
    world.check().await;
    cancel.cancel();
    running.await.expect("ends");
}

#[tokio::test(start_paused = true)]
async fn sweeps_go_on_until_they_are_done() {
    let mut world = World::new(1, &[("retention.ms", "-1")], KvFaults::none()).await;
    // Each batch has a producer of its own.
    for n in 0..5 {
        let batches = (0..500).map(|m| drafts(1, 8, n * 500 + m)).collect();
        world.commit(vec![(0, batches)]).await;
    }
    world.advance(Duration::from_secs(25 * 3600));
    let report = world.compactor(config()).run_once().await;
    assert_eq!(report.failures, Vec::<String>::new());
    for producer in [1, 2_500] {
        let producer = alluvium_model::ProducerId(producer);
        assert_eq!(world.metastore.producers.window(world.partition(0), producer).await, Ok(None));
    }
}
