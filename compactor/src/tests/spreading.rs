//! How partitions are spread over several compactors: large ones one by one, small ones by neighbourhood.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_runtime::Clock;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::drafts::drafts;
use super::shared_files::sharing;
use super::world::{Process, World};
use crate::CompactorConfig;
use crate::assigned_work::{AssignedBy, AssignedWork};

/// More than makes a file of its own: 210 kB.
const LARGE_BYTES: usize = 300_000;
/// So little that a partition that gets it every minute does not have that much in 5 minutes.
const SMALL_BYTES: usize = 200;

/// Compacts any amount of data at once. A partition is large that gets 210 kB in 5 minutes.
fn eager() -> CompactorConfig {
    CompactorConfig { interval: Duration::from_secs(1), compact_bytes_min: 1, file_bytes_target: 4 << 20, ..sharing() }
}

/// A topic of `partitions` partitions and `count` processes, whose compactors do not run yet.
async fn world(partitions: i32, count: usize) -> (World, Vec<Process>) {
    let world = World::new(partitions, &[("retention.ms", "-1")], KvFaults::none()).await;
    world.end_session().await;
    let mut processes = Vec::new();
    for _ in 0..count {
        processes.push(world.process(KvFaults::none(), eager()).await);
    }
    // Lets the sessions see each other.
    sleep(Duration::from_secs(5)).await;
    (world, processes)
}

async fn start<'a>(processes: impl IntoIterator<Item = &'a Process>) -> CancellationToken {
    let cancel = CancellationToken::new();
    for process in processes {
        let (compactor, cancel) = (process.compactor.clone(), cancel.clone());
        tokio::spawn(async move { compactor.run(cancel).await });
    }
    sleep(Duration::from_secs(5)).await;
    cancel
}

/// Lets time pass, for sessions and for compactors.
async fn pass(world: &World, time: Duration) {
    for _ in 0..time.as_secs() {
        world.advance(Duration::from_secs(1));
        sleep(Duration::from_secs(1)).await;
    }
}

/// Waits until all is history.
async fn until_all_is_history(world: &World) {
    for _ in 0..60 {
        if world.all_extents().await.iter().all(|extent| !extent.is_level_0()) {
            return;
        }
        pass(world, Duration::from_secs(1)).await;
    }
    panic!("not all history within a minute");
}

async fn commit(world: &mut World, partitions: std::ops::Range<i32>, bytes: usize) {
    let seed = world.clock.now().0.cast_unsigned();
    world.commit(partitions.map(|partition| (partition, vec![drafts(1, bytes, seed)])).collect()).await;
}

fn written(processes: &[Process]) -> Vec<u64> {
    processes.iter().map(|process| process.compactor.counters().records_written.load(Ordering::Relaxed)).collect()
}

/// How many of the partitions up to `partitions` each process has if all are assigned `by` the same.
fn assigned(world: &World, processes: &[Process], partitions: i32, by: AssignedBy) -> Vec<u64> {
    let has = |work: &AssignedWork, number| u64::from(work.has_partition(world.partition(number), by));
    let count = |process: &Process| {
        let work = AssignedWork::of(&process.session);
        (0..partitions).map(|number| has(&work, number)).sum()
    };
    processes.iter().map(count).collect()
}

/// The process that has `partition` if it is assigned `by` that.
fn owner(world: &World, processes: &[Process], partition: i32, by: AssignedBy) -> usize {
    let has = |process: &Process| AssignedWork::of(&process.session).has_partition(world.partition(partition), by);
    processes.iter().position(has).expect("somebody has it")
}

/// A partition that another process has if it is large.
fn movable(world: &World, processes: &[Process], partitions: i32) -> i32 {
    let owner = |partition, by| owner(world, processes, partition, by);
    let moves = |of: &i32| owner(*of, AssignedBy::Neighbourhood) != owner(*of, AssignedBy::Partition);
    (0..partitions).find(moves).expect("one of them")
}

#[tokio::test(start_paused = true)]
async fn large_partitions_of_a_topic_are_spread_one_by_one() {
    let (mut world, processes) = world(12, 3).await;
    let expected = assigned(&world, &processes, 12, AssignedBy::Partition);
    assert!(expected.iter().all(|partitions| *partitions > 0), "{expected:?}");
    let cancel = start(&processes).await;
    for round in 1..=3 {
        commit(&mut world, 0..12, LARGE_BYTES).await;
        until_all_is_history(&world).await;
        let each: Vec<u64> = expected.iter().map(|partitions| partitions * round).collect();
        assert_eq!(written(&processes), each, "round {round}");
    }
    cancel.cancel();
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn large_partitions_are_spread_also_if_they_got_their_data_before_the_compactors_began() {
    let (mut world, processes) = world(12, 3).await;
    commit(&mut world, 0..12, LARGE_BYTES).await;
    let cancel = start(&processes).await;
    until_all_is_history(&world).await;
    cancel.cancel();
    assert_eq!(written(&processes), assigned(&world, &processes, 12, AssignedBy::Partition));
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn small_partitions_share_files_beside_large_ones() {
    let (mut world, processes) = world(150, 3).await;
    let cancel = start(&processes).await;
    // Twelve are large from here on.
    commit(&mut world, 0..12, LARGE_BYTES).await;
    until_all_is_history(&world).await;
    for round in 0..2 {
        let before = world.objects.usage().totals();
        commit(&mut world, 12..150, SMALL_BYTES).await;
        until_all_is_history(&world).await;
        let after = world.objects.usage().totals();
        // The segment and a file for each neighbourhood; each compactor reads the segment once.
        assert_eq!(after.puts - before.puts, 1 + 3, "round {round}");
        assert!(after.gets - before.gets <= 3, "{} GETs in round {round}", after.gets - before.gets);
    }
    cancel.cancel();
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_grows_changes_hands_once_and_back_once_it_is_small_for_long() {
    let (mut world, processes) = world(12, 3).await;
    let partition = movable(&world, &processes, 12);
    let small = owner(&world, &processes, partition, AssignedBy::Neighbourhood);
    let large = owner(&world, &processes, partition, AssignedBy::Partition);
    let cancel = start(&processes).await;
    let mut hands = Vec::new();
    // Small; then more and more; then about half and twice as much as makes it large, in turns; then small.
    let growing = (0..20).map(|minute| minute * 8_000);
    let wavering = (0..20).map(|minute| if minute / 5 % 2 == 0 { 20_000 } else { 80_000 });
    let minutes = [SMALL_BYTES; 5].into_iter().chain(growing).chain(wavering).chain([SMALL_BYTES; 30]);
    for bytes in minutes {
        let before = written(&processes);
        commit(&mut world, partition..partition + 1, bytes).await;
        pass(&world, Duration::from_secs(55)).await;
        until_all_is_history(&world).await;
        let after = written(&processes);
        let writers: Vec<usize> = (0..3).filter(|at| after[*at] > before[*at]).collect();
        hands.extend(writers);
    }
    cancel.cancel();
    hands.dedup();
    assert_eq!(hands, [small, large, small]);
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_large_partition_that_its_compactor_does_not_compact_is_compacted_by_another() {
    let (mut world, processes) = world(50, 2).await;
    let partition = movable(&world, &processes, 50);
    let small = owner(&world, &processes, partition, AssignedBy::Neighbourhood);
    let cancel = start([&processes[small]]).await;
    commit(&mut world, partition..partition + 1, LARGE_BYTES).await;
    pass(&world, Duration::from_secs(600)).await;
    assert_eq!(written(&processes), [0, 0], "it is the other one's");
    pass(&world, Duration::from_secs(500)).await;
    assert_eq!(written(&processes)[small], 1);
    // Further data waits as long, as the other one may do its work again.
    commit(&mut world, partition..partition + 1, LARGE_BYTES).await;
    pass(&world, Duration::from_secs(600)).await;
    assert_eq!(written(&processes)[small], 1);
    pass(&world, Duration::from_secs(500)).await;
    assert_eq!(written(&processes)[small], 2);
    cancel.cancel();
    world.check().await;
}
