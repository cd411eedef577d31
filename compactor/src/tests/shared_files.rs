//! Small partitions share history files: what is written, merged, trimmed and deleted, and what queries see.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alluvium_history::HistoryFile;
use alluvium_metastore::fixtures;
use alluvium_metastore::kv::KvFaults;
use alluvium_metastore::leases::LeaseKey;
use alluvium_model::{Offset, TopicPartition, object_key};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::Clock;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::crash::{crash_after, slow_store};
use super::drafts::drafts;
use super::world::{World, config, own_files};
use crate::CompactorConfig;
use crate::rewrite::ObjectSource;

/// Files are full after 1 MiB, shared ones after 105 kB: a partition with less than 52 kB shares.
pub(super) fn sharing() -> CompactorConfig {
    CompactorConfig { file_bytes_target: 1 << 20, ..config() }
}

pub(super) async fn world(partitions: i32) -> World {
    World::new(partitions, &[("retention.ms", "-1")], KvFaults::none()).await
}

/// A segment with a batch of a record of `bytes` for each of `partitions`.
pub(super) async fn commit(world: &mut World, partitions: impl IntoIterator<Item = i32>, bytes: usize) {
    let n = world.clock.now().0.cast_unsigned();
    world.commit(partitions.into_iter().map(|partition| (partition, vec![drafts(1, bytes, n)])).collect()).await;
}

/// How many of the extents of `partition` are parts of shared files, and how many files of their own.
pub(super) async fn kinds(world: &World, partition: i32) -> (usize, usize) {
    let extents = world.extents(world.partition(partition)).await;
    let shared = extents.iter().filter(|extent| extent.is_shared()).count();
    (shared, extents.iter().filter(|extent| !extent.is_shared() && !extent.is_level_0()).count())
}

/// What a query of all history files finds: how often each record that is not deleted, is there. Files that wait for
/// their deletion do not count.
async fn queried(world: &World) -> BTreeMap<(TopicPartition, Offset), usize> {
    let live: BTreeSet<_> = world.all_extents().await.iter().map(|extent| extent.object).collect();
    let mut found = BTreeMap::new();
    for listed in world.objects.list(object_key::HISTORY, None, 100_000).await.expect("list") {
        if !object_key::parse(&listed.key).is_some_and(|id| live.contains(&id)) {
            continue;
        }
        let source = ObjectSource::new(world.objects.clone(), listed.key.clone(), listed.bytes);
        let file = HistoryFile::open(&source).await.expect("open");
        for identity in file.identities() {
            let part = file.of(identity.partition).expect("it is in the file");
            let records = part.records(&source, identity.offsets.start, usize::MAX >> 1).await.expect("records");
            for record in records {
                *found.entry((identity.partition, record.offset)).or_default() += 1;
            }
        }
    }
    found
}

/// Asserts that a query finds every record of history from the log starts on exactly once.
pub(super) async fn check_queries(world: &World) {
    let found = queried(world).await;
    for partition in world.topic.all_partitions() {
        let extents = world.extents(partition).await;
        for record in world.expected(partition).await {
            let is_history = extents.iter().any(|of| !of.is_level_0() && of.offsets.contains(&record.offset));
            let times = found.get(&(partition, record.offset)).copied().unwrap_or(0);
            assert_eq!(times, usize::from(is_history), "{partition} {}", record.offset);
        }
    }
}

pub(super) async fn check(world: &World) {
    world.check().await;
    check_queries(world).await;
}

#[tokio::test(start_paused = true)]
async fn neighbours_with_little_data_share_a_file_and_one_with_much_gets_its_own() {
    let mut world = world(60).await;
    for _ in 0..2 {
        commit(&mut world, 0..60, 200).await;
    }
    commit(&mut world, [7], 300_000).await;
    let config = CompactorConfig { file_bytes_target: 4 << 20, ..sharing() };
    let report = world.compactor(config).run_once().await;
    assert_eq!((report.files_written, report.failures.len()), (4, 0), "0 to 6, 7, 8 to 49, 50 to 59");
    check(&world).await;
    for partition in 0..60 {
        assert_eq!(kinds(&world, partition).await, if partition == 7 { (0, 1) } else { (1, 0) }, "{partition}");
    }
    // Fewer PUTs, and the same for an agent.
    let shared = world.extents(world.partition(20)).await;
    let other = world.extents(world.partition(21)).await;
    assert_eq!(shared[0].object, other[0].object);
    assert!(shared[0].bytes > 0 && shared[0].bytes < shared[0].file_bytes() / 30, "{shared:?}");
    let own = &world.extents(world.partition(7)).await[0];
    assert_eq!(own.bytes, own.file_bytes());
}

#[tokio::test(start_paused = true)]
async fn shared_files_are_merged_until_each_partition_has_enough_for_its_own() {
    let mut world = world(10).await;
    let compactor = world.compactor(sharing());
    let (mut rounds, mut most) = (0, 0);
    while kinds(&world, 3).await.1 == 0 {
        rounds += 1;
        assert!(rounds < 200, "no file of its own after {rounds} rounds: {:?}", kinds(&world, 3).await);
        commit(&mut world, 0..10, 2_000).await;
        let report = compactor.run_once().await;
        assert_eq!(report.failures, Vec::<String>::new());
        most = most.max(world.extents(world.partition(3)).await.len());
        check_queries(&world).await;
    }
    check(&world).await;
    // 64 kB of 2 kB each, by four.
    assert!(rounds >= 30, "{rounds} rounds");
    assert!(most <= 12, "{most} extents at a time");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_active_now_and_then_is_merged_across_files_of_its_own() {
    let mut world = world(10).await;
    let compactor = world.compactor(sharing());
    for round in 0..40 {
        // Alone in every other round: then its file is its own.
        let partitions = if round % 2 == 0 { 3..4 } else { 0..10 };
        commit(&mut world, partitions, 100).await;
        assert_eq!(compactor.run_once().await.failures, Vec::<String>::new());
        check_queries(&world).await;
    }
    check(&world).await;
    let extents = world.extents(world.partition(3)).await.len();
    assert!(extents <= 12, "{extents} extents");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_expires_drops_its_part_alone_and_the_last_one_the_file() {
    let mut world = world(4).await;
    commit(&mut world, 0..4, 200).await;
    let compactor = world.compactor(sharing());
    compactor.run_once().await;
    let shared = world.extents(world.partition(0)).await[0].object;
    for partition in 0..4 {
        assert!(world.all_extents().await.iter().any(|extent| extent.object == shared));
        let partition = world.partition(partition);
        world.metastore.log.trim(partition, Offset(1), world.clock.now()).await.expect("trim");
        compactor.run_once().await;
        world.advance(Duration::from_secs(601));
        compactor.run_once().await;
        check(&world).await;
        world.check_bucket().await;
    }
    assert_eq!(world.keys().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_trimmed_meanwhile_keeps_no_neighbour_out_of_their_file() {
    // The trim takes the first input of the partition, or all of them; of a rewrite, or of a merge of four shared files,
    // which follows a rewrite.
    for (trimmed, rounds, puts_before) in [(1, 0, 0), (4, 0, 0), (1, 3, 1), (4, 3, 1)] {
        let mut world = world(4).await;
        for _ in 0..rounds {
            commit(&mut world, 0..4, 200).await;
            world.compactor(sharing()).run_once().await;
        }
        for _ in rounds..4 {
            commit(&mut world, 0..4, 200).await;
        }
        let slow = FaultRule::on(Operation::Put, Fault::Delay(Duration::from_secs(20)));
        world.faults.inject(slow.key_contains(object_key::HISTORY).skip(puts_before));
        let compactor = world.compactor(sharing());
        let running = tokio::spawn(async move { compactor.run_once().await });
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.metastore.log.trim(world.partition(2), Offset(trimmed), world.clock.now()).await.expect("trim");
        let report = running.await.expect("it ends");
        assert_eq!((report.failures, report.files_written), (Vec::<String>::new(), 1 + puts_before));
        assert_eq!(report.stale, u64::from(trimmed == 4), "nothing of the others, and what is trimmed in part is not");
        for (number, shared) in [(0, 1), (1, 1), (2, usize::from(trimmed < 4)), (3, 1)] {
            assert_eq!(kinds(&world, number).await, (shared, 0), "{number}: {trimmed} trimmed, {rounds} rounds before");
            assert_eq!(world.extents(world.partition(number)).await.len(), shared);
        }
        check(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_of_which_a_part_was_compacted_elsewhere_is_not_swapped_in_and_written_anew() {
    let mut world = world(4).await;
    commit(&mut world, 0..4, 200).await;
    let slow = FaultRule::on(Operation::Put, Fault::Delay(Duration::from_secs(20))).key_contains(object_key::HISTORY);
    world.faults.inject(slow.times(1));
    let (compactor, own) = (world.compactor(sharing()), world.compactor(own_files()));
    let running = tokio::spawn(async move { compactor.run_once().await });
    tokio::time::sleep(Duration::from_secs(10)).await;
    // It takes the leases over, for it has the same session.
    assert_eq!(own.run_once().await.files_written, 4);
    commit(&mut world, 0..4, 200).await;
    let report = running.await.expect("it ends");
    assert_eq!((report.failures, report.files_written, report.stale), (Vec::<String>::new(), 0, 4));
    check(&world).await;
    world.compactor(sharing()).run_once().await;
    check(&world).await;
    assert!(world.all_extents().await.iter().all(|extent| !extent.is_level_0()));
}

#[tokio::test(start_paused = true)]
async fn a_merge_that_is_too_large_for_one_transaction_is_made_in_pieces() {
    let mut world = world(41).await;
    // The first file has partition 40 too, which another compactor works on.
    commit(&mut world, 0..41, 100).await;
    world.compactor(sharing()).run_once().await;
    let key = LeaseKey::Partition(world.partition(40));
    let other = fixtures::lease(&world.metastore, key).await;
    for _ in 0..5 {
        // Between two parts each partition but the first has a file of its own.
        commit(&mut world, 1..40, 70_000).await;
        world.compactor(sharing()).run_once().await;
        commit(&mut world, 0..40, 100).await;
        world.compactor(sharing()).run_once().await;
    }
    assert_eq!(kinds(&world, 0).await, (6, 0));
    world.metastore.leases.release(&[other]).await.expect("released");
    let report = world.compactor(sharing()).run_once().await;
    assert_eq!(report.failures, Vec::<String>::new());
    check(&world).await;
    assert!(kinds(&world, 0).await.0 < 6, "{:?}", kinds(&world, 0).await);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_shared_file_stays_and_what_comes_after_it_is_merged() {
    let mut world = world(5).await;
    let compactor = world.compactor(sharing());
    commit(&mut world, 0..5, 200).await;
    compactor.run_once().await;
    let damaged = world.extents(world.partition(0)).await[0].clone();
    let key = object_key::of_extent("orders", world.partition(0), &damaged);
    let mut bytes = world.objects.get(&key).await.expect("get").to_vec();
    bytes[4] ^= 1;
    world.objects.put(&key, vec![bytes.into()]).await.expect("put");
    let mut failures = 0;
    for _ in 0..12 {
        commit(&mut world, 0..5, 200).await;
        failures += compactor.run_once().await.failures.len();
    }
    assert!((1..=5).contains(&failures), "{failures} failures: each partition finds out once");
    for partition in 0..5 {
        let extents = world.extents(world.partition(partition)).await;
        assert_eq!(extents[0].object, damaged.object);
        assert!(extents.len() < 9, "{} extents", extents.len());
    }
}

/// PUTs and GETs of compaction while each of 20 partitions gets a batch a minute, for `minutes`.
async fn requests(minutes: u32, config: CompactorConfig) -> (u64, u64) {
    let mut world = world(20).await;
    let compactor = world.compactor(config);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (compactor, stop) = (compactor.clone(), stop.clone());
        async move { compactor.run(stop).await }
    });
    let before = world.objects.usage().totals();
    for _ in 0..minutes {
        commit(&mut world, 0..20, 100).await;
        world.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    stop.cancel();
    running.await.expect("the task ends");
    let after = world.objects.usage().totals();
    check(&world).await;
    // The segments are PUTs too.
    (after.puts - before.puts - u64::from(minutes), after.gets - before.gets)
}

#[tokio::test(start_paused = true)]
async fn small_partitions_cost_a_put_for_all_of_them_and_read_segments_once() {
    let minutes = 100;
    let (puts, gets) = requests(minutes, CompactorConfig::default()).await;
    let own = CompactorConfig { shared_part_bytes_max: 0, ..CompactorConfig::default() };
    let (own_puts, own_gets) = requests(minutes, own).await;
    println!("20 partitions share files: {puts} PUTs, {gets} GETs; do not: {own_puts}, {own_gets}");
    assert!(gets <= 2 * u64::from(minutes), "{gets}");
    assert!((4..=10).contains(&puts), "{puts}");
    assert!(own_puts >= 10 * puts, "{own_puts}");
}

/// Three shared files, and what becomes the fourth: then they are merged.
async fn about_to_merge() -> World {
    let mut world = World::new(3, &[("retention.ms", "-1")], slow_store()).await;
    for _ in 0..3 {
        commit(&mut world, 0..3, 100).await;
        world.compactor(sharing()).run_once().await;
    }
    commit(&mut world, 0..3, 100).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_shared_files_are_written_and_merged_loses_and_doubles_nothing() {
    for waits in 1.. {
        let world = about_to_merge().await;
        let done = crash_after(waits, world.compactor(sharing()).run_once()).await;
        check(&world).await;
        let report = world.compactor(sharing()).run_once().await;
        assert_eq!(report.failures, Vec::<String>::new());
        check(&world).await;
        assert_eq!(kinds(&world, 1).await, (1, 0));
        for _ in 0..2 {
            world.advance(Duration::from_secs(25 * 3_600));
            world.compactor(sharing()).run_once().await;
        }
        world.check_bucket().await;
        if done.is_some() {
            assert!(waits > 40, "it was pending only {waits} times");
            return;
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// All partitions get a record, and are compacted.
    Round,
    /// Partitions by bits, and bytes of each record.
    Commit(u8, usize),
    Compact,
    /// A compactor that dies after it was pending this many times.
    Crash(usize),
    /// Two compactors at once, of which the first dies.
    Race(usize),
    /// Moves a log start to this percentage of the log.
    Trim(i32, u8),
    /// Advances the clock by this many seconds.
    Wait(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Round),
        6 => (1..=255_u8, prop_oneof![4 => Just(100_usize), 1 => Just(70_000)]).prop_map(|(bits, n)| Step::Commit(bits, n)),
        4 => Just(Step::Compact),
        5 => (1..400_usize).prop_map(Step::Crash),
        1 => (1..400_usize).prop_map(Step::Race),
        1 => (0..8, 0..=100_u8).prop_map(|(partition, percent)| Step::Trim(partition, percent)),
        1 => prop_oneof![Just(1), Just(700), Just(100_000)].prop_map(Step::Wait),
    ]
}

async fn run(steps: Vec<Step>) {
    let mut world = World::new(8, &[("retention.ms", "-1")], slow_store()).await;
    for step in steps {
        match step {
            Step::Commit(bits, bytes) => {
                let partitions: Vec<i32> = (0..8).filter(|bit| bits & (1 << bit) != 0).collect();
                commit(&mut world, partitions, bytes).await;
            }
            Step::Round => {
                commit(&mut world, 0..8, 100).await;
                world.compactor(sharing()).run_once().await;
            }
            Step::Compact => drop(world.compactor(sharing()).run_once().await),
            Step::Crash(waits) => drop(crash_after(waits, world.compactor(sharing()).run_once()).await),
            Step::Race(waits) => {
                let (dies, lives) = (world.compactor(sharing()), world.compactor(sharing()));
                let _ = tokio::join!(crash_after(waits, dies.run_once()), lives.run_once());
            }
            Step::Trim(partition, percent) => {
                let partition = world.partition(partition);
                let head = world.metastore.log.head(partition).await.expect("read").expect("there");
                let start = Offset(head.next.0 * i64::from(percent) / 100);
                world.metastore.log.trim(partition, start, world.clock.now()).await.expect("trim");
            }
            Step::Wait(seconds) => world.advance(Duration::from_secs(seconds.into())),
        }
        check(&world).await;
    }
    let report = world.compactor(sharing()).run_once().await;
    assert_eq!(report.failures, Vec::<String>::new());
    check(&world).await;
    assert_eq!(world.compactor(sharing()).run_once().await.files_written, 0, "merges come to an end");
    // Nothing that is not needed is left.
    for _ in 0..3 {
        world.advance(Duration::from_secs(25 * 3_600));
        world.compactor(sharing()).run_once().await;
    }
    world.check_bucket().await;
    check(&world).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn reads_and_queries_agree_in_any_interleaving_of_commits_crashes_and_trims(
        steps in proptest::collection::vec(step(), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(run(steps));
    }
}
