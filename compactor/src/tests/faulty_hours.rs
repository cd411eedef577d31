//! Random work while reads and writes fail or hang and transactions conflict: in the end everything is compacted, and
//! reads as it was acknowledged.

use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_model::object_key;
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::{Rng, SeededRng};
use tokio::time::{Instant, sleep};

use super::drafts::drafts;
use super::jobs::{is_all_history, start, until};
use super::world::{World, begins_with, config};
use crate::CompactorConfig;

const PARTITIONS: i32 = 60;
/// Of [`World::new`] and what is done with it.
const SEEDS: u64 = 3;
const ROUNDS: usize = 6;

/// Numbers below a limit.
struct Dice(SeededRng);

impl Dice {
    fn below(&self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }

    fn partition(&self, limit: i32) -> i32 {
        i32::try_from(self.below(u64::try_from(limit).expect("positive"))).expect("small")
    }

    fn one_of<T: Clone>(&self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).expect("small")].clone()
    }
}

fn random_config(dice: &Dice) -> CompactorConfig {
    CompactorConfig {
        file_bytes_target: dice.one_of(&[4_000, 30_000, 1 << 20]),
        jobs_max: dice.one_of(&[1, 3]),
        read_ahead_bytes: dice.one_of(&[1, 64 << 20]),
        compact_bytes_min: dice.one_of(&[1, 3_000]),
        ..config()
    }
}

/// Commits some segments, of which a few cannot be read, and lets a few PUTs fail or hang.
async fn round(world: &mut World, dice: &Dice) {
    for _ in 0..4 {
        let first = dice.partition(PARTITIONS - 10);
        let end = PARTITIONS.min(first + 1 + dice.partition(40));
        let runs = (first..end).map(|partition| {
            let (records, bytes) = (1 + dice.below(4), 50 + dice.below(400));
            let (records, bytes) = (usize::try_from(records).expect("few"), usize::try_from(bytes).expect("few"));
            (partition, vec![drafts(records, bytes, dice.below(1_000))])
        });
        let segment = world.commit(runs.collect()).await;
        if dice.below(4) == 0 {
            let key = object_key::segment(segment);
            world.faults.inject(FaultRule::on(Operation::Get, Fault::Unavailable).key_contains(key));
        }
    }
    for _ in 0..dice.below(4) {
        let fault = dice.one_of(&[Fault::Hang, Fault::Unavailable]);
        let partition = dice.partition(PARTITIONS);
        world.faults.inject(FaultRule::on(Operation::Put, fault).content(begins_with(partition)));
    }
}

async fn pass(world: &World, seconds: u64) {
    for _ in 0..seconds {
        sleep(Duration::from_secs(1)).await;
        world.advance(Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn after_any_faults_everything_is_compacted_soon_and_nothing_is_lost() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let dice = Dice(SeededRng::new(seed));
        let faults =
            KvFaults { seed, conflict_per_mille: 50, unknown_per_mille: 30, too_old_per_mille: 10, ..KvFaults::none() };
        let mut world = World::new(PARTITIONS, &[("retention.ms", "-1")], faults).await;
        let compactor = world.compactor(random_config(&dice));
        let cancel = start(&compactor);
        for number in 0..ROUNDS {
            round(&mut world, &dice).await;
            pass(&world, 20 + dice.below(200)).await;
            if number % 2 == 1 {
                world.faults.heal();
            }
        }
        world.faults.heal();
        let healed = Instant::now();
        until(&world, "history", async || {
            world.advance(Duration::from_secs(20));
            is_all_history(&world).await
        })
        .await;
        // What hung is tried for three minutes.
        assert!(healed.elapsed() < Duration::from_secs(300), "{:?} after the last fault", healed.elapsed());
        world.check().await;
        cancel.cancel();
    }
}
