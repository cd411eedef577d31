//! Several compactors at once: they share the work, take over from each other, and do no work twice.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_metastore::leases::{LeaseKey, MaintenanceRole};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::crash::slow_store;
use super::drafts::drafts;
use super::world::{Process, World, config};
use crate::CompactorConfig;

/// A round every second that rewrites any amount of data.
fn eager() -> CompactorConfig {
    CompactorConfig { interval: Duration::from_secs(1), compact_bytes_min: 1, ..config() }
}

/// A topic of `partitions` partitions, each with a few records in two segments, and no live compactor.
async fn world(partitions: i32) -> World {
    spread_world(partitions, 1).await
}

/// The same, of which each `step`-th partition has records.
async fn spread_world(partitions: i32, step: i32) -> World {
    let mut world = World::new(partitions * step, &[("retention.ms", "-1")], slow_store()).await;
    world.end_session().await;
    for n in 0..2 {
        let batches = (0..partitions).map(|partition| (partition * step, vec![drafts(3, 50, n + 7)]));
        world.commit(batches.collect()).await;
    }
    world
}

fn records(world: &World) -> u64 {
    world.acknowledged.values().map(|records| records.len() as u64).sum()
}

async fn is_all_history(world: &World) -> bool {
    world.all_extents().await.iter().all(|extent| !extent.is_level_0())
}

/// Waits until all extents are history. Returns how long that took.
async fn until_all_is_history(world: &World) -> Duration {
    let started = Instant::now();
    while !is_all_history(world).await {
        assert!(started.elapsed() < Duration::from_secs(60), "not all history within a minute");
        sleep(Duration::from_millis(50)).await;
        world.advance(Duration::from_millis(50));
    }
    started.elapsed()
}

fn written(process: &Process) -> u64 {
    process.compactor.counters().records_written.load(Ordering::Relaxed)
}

/// Polls `future` at most `times` times. Returns its output if it finished.
async fn poll_times<F: Future + ?Sized>(mut future: Pin<&mut F>, times: usize) -> Option<F::Output> {
    let mut left = times;
    poll_fn(move |context| {
        let Some(rest) = left.checked_sub(1) else { return Poll::Ready(None) };
        left = rest;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Waits until `watcher` sees the session of `process` as expired and removed.
async fn until_gone(process: &Process, watcher: &Process) {
    let stopped = process.session.lease_owner();
    while watcher.session.live().iter().any(|node| node.lease_owner() == stopped) {
        sleep(Duration::from_millis(50)).await;
    }
    // And removed, not only expired.
    sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn compactors_share_the_neighbourhoods_and_each_record_is_written_once() {
    for (seed, count) in [(1, 2), (2, 3), (3, 2), (4, 3)] {
        let world = spread_world(12, 50).await;
        let faults = KvFaults { seed, conflict_per_mille: 100, unknown_per_mille: 100, ..slow_store() };
        let mut processes = Vec::new();
        for _ in 0..count {
            processes.push(world.process(faults.clone(), eager()).await);
        }
        // Lets the sessions see each other.
        sleep(Duration::from_secs(1)).await;
        let cancel = CancellationToken::new();
        for process in &processes {
            let (compactor, cancel) = (process.compactor.clone(), cancel.clone());
            tokio::spawn(async move { compactor.run(cancel).await });
        }
        until_all_is_history(&world).await;
        sleep(Duration::from_secs(5)).await;
        cancel.cancel();
        let each: Vec<u64> = processes.iter().map(written).collect();
        assert_eq!(each.iter().sum::<u64>(), records(&world), "seed {seed}: {each:?}");
        assert!(each.iter().all(|written| *written > 0), "seed {seed}: {each:?}");
        for process in &processes {
            let counters = process.compactor.counters();
            let conflicts = counters.leases_refused.load(Ordering::Relaxed) + counters.fenced.load(Ordering::Relaxed);
            assert_eq!(conflicts, 0, "seed {seed}: two compactors planned the same work");
        }
        world.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn compactors_that_plan_the_same_jobs_skip_those_that_another_has_leased() {
    for seed in 0..10 {
        let world = world(4).await;
        let faults = KvFaults { seed, conflict_per_mille: 100, unknown_per_mille: 100, ..slow_store() };
        let one = world.process(faults.clone(), config()).await;
        let other = world.process(faults, config()).await;
        let (a, b) = tokio::join!(one.compactor.run_once(), other.compactor.run_once());
        let rest = one.compactor.run_once().await;
        assert_eq!(a.records_written + b.records_written + rest.records_written, records(&world), "seed {seed}");
        assert_eq!([a.failures, b.failures, rest.failures].concat(), Vec::<String>::new(), "seed {seed}");
        assert!(is_all_history(&world).await, "seed {seed}");
        world.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_work_of_a_killed_compactor_is_taken_over_wherever_it_was_killed() {
    for waits in (1..).step_by(3) {
        let world = world(2).await;
        let killed = world.process(slow_store(), eager()).await;
        let survivor = world.process(slow_store(), eager()).await;
        let mut job = Box::pin(killed.compactor.run_once());
        let done = poll_times(job.as_mut(), waits).await;
        drop(job);
        killed.stop_heartbeats();
        let cancel = CancellationToken::new();
        let running = survivor.compactor.clone();
        let running = tokio::spawn({
            let cancel = cancel.clone();
            async move { running.run(cancel).await }
        });
        let took = until_all_is_history(&world).await;
        assert!(took <= Duration::from_secs(6), "{waits} waits: {took:?}");
        cancel.cancel();
        running.await.expect("ends");
        if done.is_none() {
            // Files that the killed compactor swapped in are in no counter of the survivor.
            assert!(written(&survivor) <= records(&world), "{waits} waits");
        }
        world.check().await;
        if done.is_some() {
            assert!(waits > 20, "it was pending only {waits} times");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_compactor_that_resumes_after_another_took_over_changes_nothing() {
    let mut fenced = 0;
    for waits in (1..).step_by(4) {
        let world = world(2).await;
        let paused = world.process(slow_store(), config()).await;
        let other = world.process(slow_store(), config()).await;
        let mut job = Box::pin(paused.compactor.run_once());
        let done = poll_times(job.as_mut(), waits).await;
        paused.stop_heartbeats();
        until_gone(&paused, &other).await;
        // The other one has acquired the leases but has not finished when the paused one resumes.
        let mut taking_over = Box::pin(other.compactor.run_once());
        let lease = LeaseKey::Partition(world.partition(0));
        let mut taken = None;
        while taken.is_none() && world.metastore.leases.holder(&lease).await != Ok(Some(other.session.lease_owner())) {
            taken = poll_times(taking_over.as_mut(), 1).await;
        }
        let before: BTreeSet<_> = world.all_extents().await.iter().map(|extent| extent.object).collect();
        let resumed = match done.clone() {
            Some(done) => done,
            None => job.await,
        };
        let after: BTreeSet<_> = world.all_extents().await.iter().map(|extent| extent.object).collect();
        assert_eq!(before, after, "{waits} waits: {resumed:?}");
        fenced += resumed.fenced;
        let rest = match taken {
            Some(done) => done,
            None => taking_over.await,
        };
        let written = resumed.records_written + rest.records_written;
        assert_eq!(written, records(&world), "{waits} waits: {resumed:?} {rest:?}");
        assert!(is_all_history(&world).await, "{waits} waits");
        world.check().await;
        if done.is_some() {
            break;
        }
    }
    assert!(fenced > 0, "no work was fenced");
}

#[tokio::test(start_paused = true)]
async fn a_role_has_one_holder_and_another_node_takes_it_over_when_the_holder_is_gone() {
    let world = world(1).await;
    let one = world.process(slow_store(), config()).await;
    let other = world.process(slow_store(), config()).await;
    let leases = &world.metastore.leases;
    let keys: Vec<_> = [
        MaintenanceRole::Orphans,
        MaintenanceRole::Retired,
        MaintenanceRole::Retention,
        MaintenanceRole::Topics,
        MaintenanceRole::Feed,
        MaintenanceRole::Producers,
    ]
    .map(LeaseKey::Role)
    .into();
    let rng = alluvium_runtime::SeededRng::new(1);
    let acquired = leases.acquire(&keys, one.session.lease_owner(), &rng).await.expect("read");
    assert!(acquired.iter().all(Option::is_some));
    let report = other.compactor.run_once().await;
    assert_eq!(report.leases_refused, 6, "{report:?}");
    assert_eq!(report.records_written, records(&world), "partitions are free");
    one.stop_heartbeats();
    until_gone(&one, &other).await;
    let report = other.compactor.run_once().await;
    assert_eq!((report.leases_refused, report.failures), (0, Vec::new()));
    for key in &keys {
        assert_eq!(leases.holder(key).await, Ok(None), "{key:?} is released after use");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_compactor_writes_nothing_and_releases_roles_that_are_no_longer_assigned_to_it() {
    let world = world(2).await;
    let one = world.process(slow_store(), eager()).await;
    let cancel = CancellationToken::new();
    let (running, cancelled) = (one.compactor.clone(), cancel.clone());
    tokio::spawn(async move { running.run(cancelled).await });
    until_all_is_history(&world).await;
    sleep(Duration::from_secs(5)).await;
    let rows = || world.metastore.db.metrics().rows_written.load(Ordering::Relaxed);
    let (before, started) = (rows(), Instant::now());
    sleep(Duration::from_secs(60)).await;
    let interval = alluvium_model::limits::HEARTBEAT_INTERVAL;
    let heartbeats = u64::try_from(started.elapsed().as_millis() / interval.as_millis()).expect("few");
    assert!(rows() - before <= heartbeats + 1, "{} rows in {heartbeats} heartbeats", rows() - before);
    let roles = [MaintenanceRole::Retired, MaintenanceRole::Retention, MaintenanceRole::Topics, MaintenanceRole::Feed];
    let other = world.process(slow_store(), eager()).await;
    sleep(Duration::from_secs(5)).await;
    let mut left = 0;
    for role in roles {
        let holder = world.metastore.leases.holder(&LeaseKey::Role(role)).await.expect("read");
        left += usize::from(holder.is_none());
        assert!(holder.is_none() || holder == Some(one.session.lease_owner()));
    }
    assert!(left > 0, "some roles are assigned to the other node, which does not run yet");
    let (running, cancelled) = (other.compactor.clone(), cancel.clone());
    tokio::spawn(async move { running.run(cancelled).await });
    sleep(Duration::from_secs(5)).await;
    for role in roles {
        assert!(world.metastore.leases.holder(&LeaseKey::Role(role)).await.expect("read").is_some(), "{role:?}");
    }
    cancel.cancel();
}
