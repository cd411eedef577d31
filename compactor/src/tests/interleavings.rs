//! Random interleavings of commits, compactions, crashes and trims: reads return exactly what was acknowledged.

use std::time::Duration;

use alluvium_model::Offset;
use alluvium_runtime::Clock;
use alluvium_wire::batch::Compression;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::crash::{crash_after, slow_store};
use super::drafts::{Draft, DraftBatch, DraftSegment};
use super::world::{World, config};

const PARTITIONS: i32 = 2;

#[derive(Clone, Debug)]
enum Step {
    Commit(DraftSegment),
    Compact,
    /// A compactor that dies after it was pending this many times.
    Crash(usize),
    /// Moves a log start to this percentage of the log.
    Trim {
        partition: i32,
        percent: u8,
    },
    /// Advances the clock by this many seconds.
    Wait(u32),
}

fn draft() -> impl Strategy<Value = Draft> {
    let bytes = || option::of(vec(any::<u8>(), 0..80));
    let timestamp = prop_oneof![Just(-1_i64), 0..10_000_i64, any::<i64>()];
    (bytes(), bytes(), timestamp, vec((vec(any::<u8>(), 0..4), bytes()), 0..3))
        .prop_map(|(key, value, timestamp, headers)| Draft { key, value, timestamp, headers })
}

fn batch() -> impl Strategy<Value = DraftBatch> {
    (vec(draft(), 1..6), 0..5_usize, any::<bool>(), any::<bool>()).prop_map(|(records, codec, log_append, repeated)| {
        DraftBatch { records, compression: Compression::ALL[codec], log_append, repeated, transaction: None }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => vec((0..PARTITIONS, vec(batch(), 1..3)), 1..3).prop_map(Step::Commit),
        1 => Just(Step::Compact),
        3 => (1..120_usize).prop_map(Step::Crash),
        1 => (0..PARTITIONS, 0..=100_u8).prop_map(|(partition, percent)| Step::Trim { partition, percent }),
        1 => prop_oneof![Just(1), Just(700), Just(100_000)].prop_map(Step::Wait),
    ]
}

async fn trim(world: &World, partition: i32, percent: u8) {
    let partition = world.partition(partition);
    let head = world.metastore.log.head(partition).await.expect("read").expect("there");
    let start = Offset(head.next.0 * i64::from(percent) / 100);
    world.metastore.log.trim(partition, start, world.clock.now()).await.expect("trim");
}

async fn run(steps: Vec<Step>) {
    let mut world = World::new(PARTITIONS, &[("retention.ms", "-1")], slow_store()).await;
    for step in steps {
        match step {
            Step::Commit(segment) => drop(world.commit(segment).await),
            Step::Compact => drop(world.compactor(config()).run_once().await),
            Step::Crash(waits) => drop(crash_after(waits, world.compactor(config()).run_once()).await),
            Step::Trim { partition, percent } => trim(&world, partition, percent).await,
            Step::Wait(seconds) => world.advance(Duration::from_secs(seconds.into())),
        }
        world.check().await;
    }
    let report = world.compactor(config()).run_once().await;
    assert_eq!(report.failures, Vec::<String>::new());
    world.check().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn reads_agree_before_and_after_compaction_in_any_interleaving(steps in vec(step(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(run(steps));
    }
}
