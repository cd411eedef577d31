//! Compactors that share files die: nothing is lost or there twice, and nothing unneeded is left.

use std::time::Duration;

use alluvium_model::Offset;
use alluvium_runtime::Clock;
use proptest::prelude::*;

use super::fixtures::{check, commit, kinds, sharing};
use crate::tests::crash::{crash_after, slow_store};
use crate::tests::world::World;

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
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn reads_and_queries_agree_in_any_interleaving_of_commits_crashes_and_trims(
        steps in proptest::collection::vec(step(), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(run(steps));
    }
}
