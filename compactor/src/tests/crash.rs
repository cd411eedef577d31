//! Crashes: the compactor is stopped at each of its await points, and a new one recovers.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};

use super::drafts::drafts;
use super::world::{World, begins_with, config, own_files};
use crate::CompactorConfig;

const DAY: Duration = Duration::from_secs(25 * 3600);

/// Polls `future` until it was pending `waits` times, then drops it. Returns its output if it finished earlier.
pub(super) async fn crash_after<F: Future>(waits: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = waits;
    poll_fn(move |context| {
        let Some(rest) = left.checked_sub(1) else { return Poll::Ready(None) };
        left = rest;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Every read and commit of the metastore is pending at least once, so that a crash can come in between.
pub(super) fn slow_store() -> KvFaults {
    KvFaults { latency_max: Duration::from_millis(2), ..KvFaults::none() }
}

async fn world() -> World {
    let mut world = World::new(2, &[("retention.ms", "-1")], slow_store()).await;
    for n in 0..3 {
        world.commit(vec![(0, vec![drafts(2, 100, n)]), (1, vec![drafts(1, 100, n + 50)])]).await;
    }
    world
}

/// Checks that a new compactor finishes the work, and that nothing unneeded is left in the bucket later.
async fn check_recovery(world: &World) {
    world.check().await;
    let report = world.compactor(config()).run_once().await;
    assert_eq!(report.failures, Vec::<String>::new());
    assert!(world.all_extents().await.iter().all(|extent| !extent.is_level_0()));
    world.check().await;
    world.advance(DAY);
    world.compactor(config()).run_once().await;
    world.advance(Duration::from_secs(601));
    world.compactor(config()).run_once().await;
    world.check_bucket().await;
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_compacting_loses_and_duplicates_nothing() {
    for waits in 1.. {
        let world = world().await;
        let done = crash_after(waits, world.compactor(config()).run_once()).await;
        check_recovery(&world).await;
        if done.is_some() {
            assert!(waits > 20, "it was pending only {waits} times");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_deleting_loses_nothing_and_leaves_nothing_behind() {
    for waits in 1.. {
        let world = world().await;
        world.compactor(config()).run_once().await;
        world.advance(DAY);
        let done = crash_after(waits, world.compactor(config()).run_once()).await;
        check_recovery(&world).await;
        if done.is_some() {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_put_and_swap_leaves_an_orphan_that_the_sweep_deletes() {
    let world = world().await;
    // The put is done, but its response is lost and the retry hangs until the process dies.
    world.faults.inject(FaultRule::on(Operation::Put, Fault::DoneButUnavailable).times(1));
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Hang));
    let compactor = world.compactor(config());
    tokio::time::timeout(Duration::from_secs(1), compactor.run_once()).await.expect_err("it hangs");
    world.faults.heal();
    assert!(world.all_extents().await.iter().all(|extent| extent.is_level_0()));
    assert_eq!(world.keys().await.iter().filter(|key| key.starts_with("history/")).count(), 1);
    check_recovery(&world).await;
}

#[tokio::test(start_paused = true)]
async fn files_put_side_by_side_are_abandoned_if_one_of_them_took_too_long() {
    let world = world().await;
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Delay(Duration::from_secs(20))).content(begins_with(1)));
    let compactor = world.compactor(own_files());
    let running = tokio::spawn(async move { compactor.run_once().await });
    let history = async || world.keys().await.into_iter().filter(|key| key.starts_with("history/")).count();
    while history().await == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.advance(Duration::from_secs(601));
    let report = running.await.expect("it ends");
    let too_old = report.failures.iter().filter(|failure| failure.contains("took too long")).count();
    assert_eq!((too_old, report.files_written), (2, 0), "{report:?}");
    assert_eq!(history().await, 0, "both are deleted");
    world.faults.heal();
    check_recovery(&world).await;
}

#[tokio::test(start_paused = true)]
async fn unknown_commit_results_conflicts_and_old_reads_change_nothing() {
    for seed in 0..20 {
        let faults = KvFaults {
            seed,
            conflict_per_mille: 100,
            unknown_per_mille: 200,
            too_old_per_mille: 50,
            latency_max: Duration::ZERO,
            ..KvFaults::none()
        };
        let mut world = World::new(2, &[("retention.ms", "-1")], faults).await;
        for n in 0..4 {
            world.commit(vec![(0, vec![drafts(2, 100, n)]), (1, vec![drafts(1, 100, n + 50)])]).await;
        }
        check_recovery(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_compactors_do_the_work_once() {
    let world = world().await;
    let (one, other) = (world.compactor(config()), world.compactor(CompactorConfig { jobs_max: 1, ..config() }));
    let (one, other) = tokio::join!(one.run_once(), other.run_once());
    assert_eq!(one.records_written + other.records_written, 9);
    assert_eq!((one.failures.len(), other.failures.len()), (0, 0));
    world.check().await;
    check_recovery(&world).await;
}
