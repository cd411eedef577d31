//! Jobs of many partitions: what they read and write, how they share the bucket, and what one failure costs.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_metastore::leases::LeaseKey;
use alluvium_model::{Extent, ObjectId, Offset, object_key};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::SeededRng;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::drafts::drafts;
use super::world::{World, begins_with, own_files as config};
use crate::{Compactor, CompactorConfig};

/// One job holds everything.
pub(super) fn one_job() -> CompactorConfig {
    CompactorConfig { file_bytes_target: 32 << 20, jobs_max: 1, ..config() }
}

pub(super) async fn world(partitions: i32) -> World {
    World::new(partitions, &[("retention.ms", "-1")], KvFaults::none()).await
}

/// Commits one segment with a run of each of `partitions`.
pub(super) async fn commit(world: &mut World, partitions: std::ops::Range<i32>, seed: u64) -> ObjectId {
    world.commit(partitions.map(|partition| (partition, vec![drafts(1, 100, seed)])).collect()).await
}

pub(super) fn start(compactor: &Compactor) -> CancellationToken {
    let (compactor, cancel) = (compactor.clone(), CancellationToken::new());
    let cancelled = cancel.clone();
    tokio::spawn(async move { compactor.run(cancelled).await });
    cancel
}

/// Lets time pass, for the compactor's clock too, until `is_reached`.
pub(super) async fn until(world: &World, what: &str, mut is_reached: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_reached().await {
        assert!(started.elapsed() < Duration::from_secs(600), "{what} not within ten minutes");
        sleep(Duration::from_millis(100)).await;
        world.advance(Duration::from_millis(100));
    }
}

pub(super) fn is_history(extent: &Extent) -> bool {
    !extent.is_level_0()
}

pub(super) async fn is_all_history(world: &World) -> bool {
    world.all_extents().await.iter().all(is_history)
}

pub(super) fn files_written(compactor: &Compactor) -> u64 {
    compactor.counters().files_written.load(Ordering::Relaxed)
}

pub(super) fn delay(world: &World, operation: Operation, prefix: &str, seconds: u64) {
    world
        .faults
        .inject(FaultRule::on(operation, Fault::Delay(Duration::from_secs(seconds))).key_contains(prefix.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_ripe_is_not_planned_a_second_time_with_those_that_come_along() {
    let mut world = world(20).await;
    let compactor = world.compactor(CompactorConfig { compact_bytes_min: 1 << 20, ..one_job() });
    let cancel = start(&compactor);
    for minute in 0..6 {
        commit(&mut world, 0..20 - minute, 1).await;
        world.advance(Duration::from_secs(60));
        sleep(Duration::from_secs(1)).await;
    }
    let puts = world.objects.usage().totals().puts;
    world.advance(Duration::from_secs(3_600));
    until(&world, "history", async || is_all_history(&world).await).await;
    sleep(Duration::from_secs(60)).await;
    cancel.cancel();
    let stale = compactor.counters().stale.load(Ordering::Relaxed);
    assert_eq!((stale, world.objects.usage().totals().puts - puts), (0, 20));
    world.check().await;
}

/// Transactions of 30 s.
async fn transactions(world: &World) -> u64 {
    let before = world.metastore.db.metrics().transactions.load(Ordering::Relaxed);
    sleep(Duration::from_secs(30)).await;
    world.metastore.db.metrics().transactions.load(Ordering::Relaxed) - before
}

#[tokio::test(start_paused = true)]
async fn partitions_that_are_broken_or_at_work_are_not_read_again_whenever_others_are_planned() {
    const OTHERS: i32 = 100;
    for is_broken in [true, false] {
        let mut world = world(OTHERS + 1).await;
        let segment = commit(&mut world, 0..OTHERS, 1).await;
        if is_broken {
            world.objects.delete(&[object_key::segment(segment)]).await.expect("delete");
        } else {
            world.faults.inject(FaultRule::on(Operation::Put, Fault::Hang).content(begins_with(0)));
        }
        let survey_interval = Duration::from_secs(24 * 3_600);
        let compactor = world.compactor(CompactorConfig { jobs_max: 2, survey_interval, ..one_job() });
        let cancel = start(&compactor);
        world.advance(Duration::from_secs(3_601));
        sleep(Duration::from_secs(60)).await;
        let idle = transactions(&world).await;
        commit(&mut world, OTHERS..OTHERS + 1, 1).await;
        world.advance(Duration::from_secs(3_601));
        let active = transactions(&world).await;
        cancel.cancel();
        assert!(is_history(&world.extents(world.partition(OTHERS)).await[0]), "broken: {is_broken}");
        assert!(active <= idle + 20, "{active} transactions, {idle} without work, broken: {is_broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn partitions_that_always_have_enough_data_are_compacted_in_turn() {
    const PARTITIONS: i32 = 12;
    const LEVEL_0_BYTES: u64 = 12_000;
    let mut world = world(PARTITIONS).await;
    delay(&world, Operation::Get, "segments/", 1);
    // A pass ends after 40 kB: three or four of the partitions.
    let compactor = world.compactor(CompactorConfig { jobs_max: 1, ..config() });
    let cancel = start(&compactor);
    for n in 0..400 {
        for number in 0..PARTITIONS {
            let extents = world.extents(world.partition(number)).await;
            let waiting: u64 = extents.iter().filter(|extent| !is_history(extent)).map(|extent| extent.bytes).sum();
            if waiting < LEVEL_0_BYTES {
                world.commit(vec![(number, vec![drafts(30, 400, n)])]).await;
            }
        }
        sleep(Duration::from_millis(500)).await;
    }
    cancel.cancel();
    let mut compacted: Vec<Offset> = Vec::new();
    for number in 0..PARTITIONS {
        let extents = world.extents(world.partition(number)).await;
        compacted
            .push(extents.iter().rfind(|extent| is_history(extent)).map_or(Offset(0), |extent| extent.offsets.end));
    }
    let (least, most) = (compacted.iter().min().expect("some").0, compacted.iter().max().expect("some").0);
    assert!(least > 0 && least * 2 >= most, "not in turn: {compacted:?}");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_with_a_deep_backlog_does_not_keep_others_waiting_until_it_is_compacted() {
    let mut world = world(2).await;
    // 100 rewrites of about 20 kB.
    for n in 0..200 {
        world.commit(vec![(0, vec![drafts(25, 1_600, n)])]).await;
    }
    delay(&world, Operation::Put, "history/", 1);
    let compactor = world.compactor(CompactorConfig { jobs_max: 1, ..config() });
    world.commit(vec![(1, vec![drafts(25, 1_600, 1)])]).await;
    let cancel = start(&compactor);
    until(&world, "the other partition", async || is_history(&world.extents(world.partition(1)).await[0])).await;
    cancel.cancel();
    assert!(files_written(&compactor) <= 10, "{} files before it", files_written(&compactor));
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_leases_are_lost_writes_no_more_than_the_files_in_hand() {
    let mut world = world(200).await;
    world.end_session().await;
    commit(&mut world, 0..200, 1).await;
    let one = world.process(KvFaults::none(), one_job()).await;
    let other = world.process(KvFaults::none(), one_job()).await;
    delay(&world, Operation::Put, "history/", 10);
    let puts = world.objects.usage().totals().puts;
    let (stopped, watcher) = (one.session.lease_owner(), &other.session);
    let lose_the_leases = async {
        sleep(Duration::from_secs(1)).await;
        one.stop_heartbeats();
        while watcher.live().iter().any(|node| node.lease_owner() == stopped) {
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_secs(1)).await;
        let keys: Vec<LeaseKey> = (0..200).map(|number| LeaseKey::Partition(world.partition(number))).collect();
        let rng = SeededRng::new(1);
        let taken = world.metastore.leases.acquire(&keys, other.session.lease_owner(), &rng).await.expect("acquired");
        assert!(taken.iter().all(Option::is_some));
        world.metastore.leases.release(&taken.into_iter().flatten().collect::<Vec<_>>()).await.expect("released");
    };
    let (report, ()) = tokio::join!(one.compactor.run_once(), lose_the_leases);
    assert!((1..=32).contains(&report.fenced), "{report:?}");
    assert_eq!(report.files_written, 0);
    let puts = world.objects.usage().totals().puts - puts;
    assert!(puts <= 32, "{puts} files put");
    world.faults.heal();
    assert_eq!(other.compactor.run_once().await.files_written, 200);
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_job_has_swapped_in_is_shown_before_its_end() {
    let mut world = world(200).await;
    commit(&mut world, 0..200, 1).await;
    delay(&world, Operation::Put, "history/", 1);
    let compactor = world.compactor(CompactorConfig { compact_bytes_min: 1, ..one_job() });
    let cancel = start(&compactor);
    until(&world, "some files", async || files_written(&compactor) > 0).await;
    let counters = compactor.counters();
    assert!(files_written(&compactor) < 200, "only at the end");
    until(&world, "a rate", async || counters.bytes_per_second.load(Ordering::Relaxed) > 0).await;
    assert!(files_written(&compactor) < 200, "the rate is known only at the end");
    assert!(counters.lag_extents.load(Ordering::Relaxed) < 200);
    until(&world, "all files", async || files_written(&compactor) == 200).await;
    cancel.cancel();
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_cannot_be_read_fails_nothing_but_what_lies_in_it() {
    let mut world = world(60).await;
    let mut segments = Vec::new();
    for n in 0..6 {
        let partitions = if n == 3 { 0..40 } else { 0..60 };
        segments.push(commit(&mut world, partitions, n).await);
    }
    world
        .faults
        .inject(FaultRule::on(Operation::Get, Fault::Unavailable).key_contains(object_key::segment(segments[3])));
    let report = world.compactor(one_job()).run_once().await;
    for number in 0..60 {
        let levels: Vec<bool> = world.extents(world.partition(number)).await.iter().map(is_history).collect();
        let expected = if number < 40 { vec![true, false, true] } else { vec![true] };
        assert_eq!(levels, expected, "partition {number}");
    }
    assert!(report.failures.len() <= 3, "one for each try: {:?}", report.failures);
    world.faults.heal();
    assert_eq!(world.compactor(one_job()).run_once().await.failures, Vec::<String>::new());
    assert!(is_all_history(&world).await);
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_segment_is_asked_for_once_and_not_for_each_partition() {
    let mut world = world(60).await;
    let missing = commit(&mut world, 0..60, 1).await;
    commit(&mut world, 0..60, 2).await;
    world.objects.delete(&[object_key::segment(missing)]).await.expect("delete");
    let before = world.objects.usage().totals().gets;
    let report = world.compactor(one_job()).run_once().await;
    assert_eq!(report.files_written, 60);
    let gets = world.objects.usage().totals().gets - before;
    assert!(gets <= 3, "{gets} GETs");
}

#[tokio::test(start_paused = true)]
async fn jobs_leave_most_slots_for_puts_to_others() {
    let mut world = world(128).await;
    for n in 0..2 {
        commit(&mut world, n * 64..(n + 1) * 64, 1).await;
    }
    delay(&world, Operation::Put, "history/", 2);
    let compactor = world.compactor(CompactorConfig { file_bytes_target: 32_000, jobs_max: 4, ..config() });
    let produce = async {
        sleep(Duration::from_millis(500)).await;
        let started = Instant::now();
        world.objects.put("segments/of-a-producer", vec!["x".into()]).await.expect("put");
        started.elapsed()
    };
    let (report, waited) = tokio::join!(compactor.run_once(), produce);
    assert_eq!(report.files_written, 128);
    assert!(waited < Duration::from_millis(100), "a producer has waited for {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn segments_are_fetched_ahead_only_as_far_as_memory_allows() {
    const SEGMENTS: u64 = 8;
    let mut took = Vec::new();
    for read_ahead_bytes in [1, 64 << 20] {
        let mut world = world(10).await;
        for n in 0..SEGMENTS {
            commit(&mut world, 0..10, n).await;
        }
        delay(&world, Operation::Get, "segments/", 1);
        let started = Instant::now();
        // A GET that takes 500 ms is hedged: it counts, and changes nothing.
        let report = world.compactor(CompactorConfig { read_ahead_bytes, ..one_job() }).run_once().await;
        assert_eq!((report.files_written, report.failures), (10, Vec::new()));
        took.push(started.elapsed().as_secs());
        world.faults.heal();
        world.check().await;
    }
    assert!(took[0] >= SEGMENTS, "{took:?}");
    assert!(took[1] <= 4, "{took:?}");
}
