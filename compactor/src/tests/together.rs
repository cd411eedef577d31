//! Partitions with little data that are compacted together, whatever others do.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_metastore::nodes::Session;
use alluvium_model::{Offset, object_key};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::Clock;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::drafts::drafts;
use super::jobs;
use super::world::{World, config, create};
use crate::CompactorConfig;
use crate::assigned_work::AssignedWork;
use crate::in_flight::InFlight;
use crate::plan::Policy;
use crate::work::{LargePartitions, PassLooks, Planner, WorkIndex};

/// Records of a commit of the busy partition.
const RECORDS: usize = 8;

/// GETs of two hours in which `slow` partitions, each from another minute on, get little data, and one more gets
/// `busy_bytes` each minute, or has a segment that cannot be read.
async fn gets_of_two_hours(slow: i32, busy_bytes: usize, has_failing: bool) -> u64 {
    let mut world = World::new(slow + 1, &[("retention.ms", "-1")], KvFaults::none()).await;
    if has_failing {
        let segment = world.commit(vec![(slow, vec![drafts(1, 100, 7)])]).await;
        let key = object_key::segment(segment);
        world.faults.inject(FaultRule::on(Operation::Get, Fault::Denied).key_contains(key));
    }
    let compactor =
        world.compactor(CompactorConfig { compact_bytes_min: 32 << 20, file_bytes_target: 8 << 20, ..config() });
    let cancel = CancellationToken::new();
    let (running, cancelled) = (compactor.clone(), cancel.clone());
    tokio::spawn(async move { running.run(cancelled).await });
    let before = world.objects.usage().totals().gets;
    for minute in 0..120 {
        let slow_now = slow.min(minute + 1);
        if slow_now > 0 {
            world.commit((0..slow_now).map(|partition| (partition, vec![drafts(1, 100, 7)])).collect()).await;
        }
        if busy_bytes > 0 {
            let seed = u64::try_from(minute).expect("positive");
            world.commit(vec![(slow, vec![drafts(RECORDS, busy_bytes / RECORDS, seed)])]).await;
        }
        for _ in 0..6 {
            world.advance(Duration::from_secs(10));
            sleep(Duration::from_secs(10)).await;
        }
    }
    cancel.cancel();
    world.objects.usage().totals().gets - before
}

#[tokio::test(start_paused = true)]
async fn slow_partitions_are_compacted_together_also_beside_one_that_is_ripe_every_few_minutes() {
    const BUSY_BYTES: usize = 130_000;
    let (slow, busy) = (gets_of_two_hours(30, 0, false).await, gets_of_two_hours(0, BUSY_BYTES, false).await);
    let both = gets_of_two_hours(30, BUSY_BYTES, false).await;
    assert!(both <= (slow + busy) * 11 / 10, "{slow} GETs of slow ones, {busy} of a busy one, {both} of both");
}

#[tokio::test(start_paused = true)]
async fn slow_partitions_are_compacted_together_also_beside_one_that_cannot_be_read() {
    let (slow, failing) = (gets_of_two_hours(30, 0, false).await, gets_of_two_hours(0, 0, true).await);
    let both = gets_of_two_hours(30, 0, true).await;
    assert!(both <= (slow + failing) * 11 / 10, "{slow} GETs of slow ones, {failing} of a failing one, {both} of both");
    assert!(failing <= 120, "{failing} GETs of a failing one: more than one a minute");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_becomes_ripe_waits_for_a_few_merges_and_not_for_all() {
    const MERGES: i32 = 50;
    let mut world = jobs::world(MERGES + 1).await;
    for n in 0..4 {
        jobs::commit(&mut world, 0..MERGES, n).await;
        world.compactor(CompactorConfig { file_bytes_target: 1, ..jobs::one_job() }).run_once().await;
    }
    jobs::delay(&world, Operation::Put, "history/", 1);
    let compactor = world.compactor(CompactorConfig { compact_bytes_min: 1, ..jobs::one_job() });
    let cancel = jobs::start(&compactor);
    jobs::until(&world, "a merge", async || jobs::files_written(&compactor) > 2).await;
    let merged = jobs::files_written(&compactor);
    jobs::commit(&mut world, MERGES..MERGES + 1, 9).await;
    let ripe = world.partition(MERGES);
    jobs::until(&world, "its file", async || jobs::is_history(&world.extents(ripe).await[0])).await;
    let before = jobs::files_written(&compactor) - merged;
    assert!(before <= 8, "{before} files before that of the partition that was ripe");
    let files = u64::try_from(MERGES).expect("positive") + 1;
    jobs::until(&world, "all merges", async || jobs::files_written(&compactor) == files).await;
    cancel.cancel();
    world.check().await;
}

/// What is known of the work of the compactor of `session`. Nothing is, at first.
async fn index(world: &World, session: &Session) -> WorkIndex {
    let (age_max, small_age_max) = (Duration::from_secs(300), Duration::from_secs(3_600));
    let policy = Policy { bytes_min: 10_000, age_max, small_age_max, file_bytes_target: 1 << 20 };
    let (metastore, clock) = (&world.metastore, world.clock.clone());
    let planner = Planner::new(metastore.topics.clone(), metastore.log.clone(), policy, Arc::default());
    let large = LargePartitions::new(1 << 20, age_max);
    let index = WorkIndex::new(metastore.feed.clone(), planner, policy, large, clock, Arc::default());
    index.assign(AssignedWork::of(session)).await;
    index
}

#[tokio::test(start_paused = true)]
async fn merges_that_find_no_room_are_looked_for_minutes_later_and_keep_no_rewrite_waiting() {
    let mut world = jobs::world(1).await;
    for n in 0..4 {
        jobs::commit(&mut world, 0..1, n).await;
        world.compactor(CompactorConfig { file_bytes_target: 1, ..jobs::one_job() }).run_once().await;
    }
    let index = index(&world, &world.session).await;
    index.survey().await.expect("a survey");
    let (start, in_flight) = (world.clock.now(), InFlight::default());
    let plan = async |seconds: i64, with_merges| {
        let now = start.plus_ms(seconds * 1_000);
        let looks = PassLooks { now, retry: now.plus(Duration::from_secs(10)), bytes_max: 1 << 20, with_merges };
        let planned = index.plan_next(&in_flight, looks).await.expect("planned");
        planned.map(|work| (work.rewrites.len(), work.merges.len()))
    };
    assert_eq!(plan(0, false).await, Some((0, 0)), "there is one merge");
    assert_eq!(plan(200, false).await, None, "it is not read again so soon");
    world.commit(vec![(0, vec![drafts(40, 400, 1)])]).await;
    let partition = world.partition(0);
    let extents = world.extents(partition).await;
    index.backlog().await.append(partition, extents.last().expect("some"), start.plus_ms(210_000));
    assert_eq!(plan(210, false).await, Some((1, 0)), "new data does not wait");
    assert_eq!(plan(400, true).await, None);
    assert_eq!(plan(600, true).await, Some((0, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_assigned_elsewhere_is_forgotten_although_work_of_it_has_just_ended() {
    let mut world = jobs::world(1).await;
    world.end_session().await;
    for n in 0..2 {
        world.commit(vec![(0, vec![drafts(40, 400, n)])]).await;
    }
    let one = world.process(KvFaults::none(), config()).await;
    let other = world.process(KvFaults::none(), config()).await;
    sleep(Duration::from_secs(1)).await;
    let (partition, now) = (world.partition(0), world.clock.now());
    let extents = world.extents(partition).await;
    let looks = PassLooks { now, retry: now.plus(Duration::from_secs(10)), bytes_max: 1 << 20, with_merges: true };
    let mut planned = Vec::new();
    for process in [one, other] {
        let index = index(&world, &process.session).await;
        index.backlog().await.append(partition, &extents[1], now);
        index.backlog().await.compacted(partition, &extents[..1], now);
        let work = index.plan_next(&InFlight::default(), looks).await.expect("planned").expect("it is due");
        planned.push((work.rewrites.len(), index.backlog().await.lag().1));
    }
    planned.sort_unstable();
    assert_eq!(planned, [(0, 0), (1, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_ripe_does_not_wait_because_a_whole_pass_found_nothing() {
    const OTHERS: i32 = 10_000;
    let mut world = jobs::world(OTHERS).await;
    world.commit((0..OTHERS).map(|number| (number, vec![drafts(2, 8, 1)])).collect()).await;
    let compactor = world.compactor(CompactorConfig { compact_bytes_min: 1 << 20, ..jobs::one_job() });
    let cancel = jobs::start(&compactor);
    sleep(Duration::from_secs(61)).await;
    let started = Instant::now();
    for number in 0..OTHERS {
        world.metastore.log.trim(world.partition(number), Offset(1), world.clock.now()).await.expect("trimmed");
    }
    sleep(Duration::from_secs(1)).await;
    world.topic = create(&world.metastore, "payments", 1, &[], world.clock.now()).await;
    let ripe = world.partition(0);
    world.acknowledged.insert(ripe, Vec::new());
    let batches = (0..30).map(|n| drafts(100, 400, n)).collect();
    world.commit(vec![(0, batches)]).await;
    while !jobs::is_history(&world.extents(ripe).await[0]) {
        assert!(started.elapsed() < Duration::from_secs(60), "never");
        sleep(Duration::from_millis(100)).await;
    }
    cancel.cancel();
    assert!(started.elapsed() < Duration::from_secs(12), "it waited {:?}", started.elapsed());
}
