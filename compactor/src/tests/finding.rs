//! Work is found, not searched for: what a compactor reads follows from what changed, not from what exists.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::drafts::drafts;
use super::world::{World, config};
use crate::{Compactor, CompactorConfig};

const ACTIVE: i32 = 10;

fn eager() -> CompactorConfig {
    CompactorConfig { interval: Duration::from_secs(1), compact_bytes_min: 1, ..config() }
}

async fn until_all_is_history(world: &World, partitions: i32) {
    let started = Instant::now();
    loop {
        let mut is_history = true;
        for number in 0..partitions {
            let extents = world.extents(world.partition(number)).await;
            is_history &= extents.iter().all(|extent| !extent.is_level_0());
        }
        if is_history {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "not all history within a minute");
        sleep(Duration::from_millis(200)).await;
    }
}

fn start(compactor: &Compactor) -> CancellationToken {
    let (compactor, cancel) = (compactor.clone(), CancellationToken::new());
    let cancelled = cancel.clone();
    tokio::spawn(async move { compactor.run(cancelled).await });
    cancel
}

/// Transactions of a minute without any change, and of one in which `ACTIVE` of `partitions` partitions get records.
async fn transactions(partitions: i32) -> (u64, u64) {
    let mut world = World::new(partitions, &[], KvFaults::none()).await;
    world.commit((0..partitions).map(|number| (number, vec![drafts(1, 20, 1)])).collect()).await;
    let compactor = world.compactor(eager());
    let cancel = start(&compactor);
    until_all_is_history(&world, partitions).await;
    // Retention looks at each partition once.
    sleep(Duration::from_secs(60)).await;
    let transactions = || world.metastore.db.metrics().transactions.load(Ordering::Relaxed);
    let before = transactions();
    sleep(Duration::from_secs(60)).await;
    let idle = transactions() - before;
    let before = transactions();
    world.commit((0..ACTIVE).map(|number| (number, vec![drafts(1, 20, 2)])).collect()).await;
    sleep(Duration::from_secs(60)).await;
    let active = world.metastore.db.metrics().transactions.load(Ordering::Relaxed) - before;
    until_all_is_history(&world, ACTIVE).await;
    cancel.cancel();
    world.check().await;
    (idle, active)
}

#[tokio::test(start_paused = true)]
async fn what_a_compactor_reads_does_not_grow_with_idle_partitions() {
    let (few, many) = (transactions(20).await, transactions(400).await);
    assert!(many.0 <= few.0 + 5, "idle: {many:?} for 400 partitions, {few:?} for 20");
    assert!(many.1 <= few.1 + 5, "active: {many:?} for 400 partitions, {few:?} for 20");
    assert!(many.1 - many.0 <= 12 * u64::from(ACTIVE.unsigned_abs()), "{many:?}");
}
