//! Segments that cannot be read for long, and may be read later: they are tried less and less often, and nothing else
//! waits for them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_model::{Extent, ObjectId, object_key};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use tokio::time::{Instant, sleep};

use super::drafts::drafts;
use super::jobs::{delay, files_written, is_history, start, until, world};
use super::world::{World, config};
use crate::CompactorConfig;

fn fail_reads(world: &World, segment: ObjectId, fault: Fault) {
    world.faults.inject(FaultRule::on(Operation::Get, fault).key_contains(object_key::segment(segment)));
}

async fn pass(world: &World, seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
    world.advance(Duration::from_secs(seconds));
}

fn level_0(extents: &[Extent]) -> usize {
    extents.iter().filter(|extent| !is_history(extent)).count()
}

/// Files written in 40 minutes of ten busy partitions beside `failing` ones, each with a segment that cannot be read.
async fn files_beside(failing: i32) -> u64 {
    let mut world = world(failing + 10).await;
    for number in 0..failing {
        let segment = world.commit(vec![(number, vec![drafts(40, 400, 1)])]).await;
        fail_reads(&world, segment, Fault::Unavailable);
    }
    delay(&world, Operation::Put, "history/", 1);
    let compactor = world.compactor(CompactorConfig { jobs_max: 2, ..config() });
    let cancel = start(&compactor);
    for tick in 0..240 {
        for number in failing..failing + 10 {
            if level_0(&world.extents(world.partition(number)).await) < 3 {
                world.commit(vec![(number, vec![drafts(40, 400, tick)])]).await;
            }
        }
        pass(&world, 10).await;
    }
    cancel.cancel();
    files_written(&compactor)
}

#[tokio::test(start_paused = true)]
async fn segments_that_cannot_be_read_take_little_of_the_time_of_the_workers() {
    let (alone, beside) = (files_beside(0).await, files_beside(2).await);
    assert!(beside * 5 > alone * 4, "{alone} files, {beside} beside two segments that cannot be read");
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_cannot_be_read_is_tried_rarely_also_if_its_partition_gets_more_data() {
    for is_busy in [false, true] {
        let mut world = world(1).await;
        let segment = world.commit(vec![(0, vec![drafts(40, 400, 1)])]).await;
        fail_reads(&world, segment, Fault::Denied);
        let compactor = world.compactor(config());
        let cancel = start(&compactor);
        for tick in 0..1_200 {
            if is_busy || tick == 0 {
                world.commit(vec![(0, vec![drafts(40, 400, tick)])]).await;
            }
            pass(&world, 1).await;
        }
        cancel.cancel();
        let failures = compactor.counters().failures.load(Ordering::Relaxed);
        assert!((2..=25).contains(&failures), "{failures} failures in 20 minutes, busy: {is_busy}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_segment_that_cannot_be_read_is_compacted_and_then_that_segment_too() {
    let mut world = world(2).await;
    let segment = world.commit(vec![(0, vec![drafts(5, 400, 1)])]).await;
    fail_reads(&world, segment, Fault::Denied);
    let compactor = world.compactor(config());
    let cancel = start(&compactor);
    for tick in 0..180 {
        world.commit((0..2).map(|number| (number, vec![drafts(1, 400, tick)])).collect()).await;
        pass(&world, 10).await;
    }
    let left = level_0(&world.extents(world.partition(0)).await);
    assert!(left < 10, "{left} extents are left");
    assert_eq!(compactor.counters().waiting_bytes.load(Ordering::Relaxed), 0, "what cannot be read throttles nobody");
    world.faults.heal();
    for _ in 0..70 {
        pass(&world, 10).await;
    }
    cancel.cancel();
    assert!(is_history(&world.extents(world.partition(0)).await[0]), "not within twelve minutes");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_a_job_does_not_need_does_not_count_as_read() {
    let mut world = world(2).await;
    // The first partition fails before it comes to the last segment, which the other one needs too.
    world.commit(vec![(1, vec![drafts(25, 600, 1)])]).await;
    let first = world.commit(vec![(0, vec![drafts(25, 600, 2)])]).await;
    let last = world.commit((0..2).map(|number| (number, vec![drafts(25, 600, 3)])).collect()).await;
    for segment in [first, last] {
        fail_reads(&world, segment, Fault::Denied);
    }
    let compactor = world.compactor(CompactorConfig {
        compact_bytes_min: 1,
        file_bytes_target: 40_000,
        jobs_max: 1,
        read_ahead_bytes: 1,
        ..config()
    });
    let cancel = start(&compactor);
    let started = Instant::now();
    until(&world, "the first of its inputs", async || is_history(&world.extents(world.partition(1)).await[0])).await;
    cancel.cancel();
    assert!(started.elapsed() < Duration::from_secs(15), "not at the second try but after {:?}", started.elapsed());
    assert_eq!(level_0(&world.extents(world.partition(1)).await), 1);
}
