//! When jobs run on threads of normal priority.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluvium_model::Timestamp;
use alluvium_runtime::Clock;

use super::jobs::{commit, is_all_history, one_job, start, until, world};
use crate::CompactorConfig;

const URGENT_THREAD: &str = "urgent";

/// A clock that notes whether a thread of that name asks for the time.
struct NotingClock {
    clock: Arc<dyn Clock>,
    is_urgent: AtomicBool,
}

impl Clock for NotingClock {
    fn now(&self) -> Timestamp {
        self.is_urgent.fetch_or(std::thread::current().name() == Some(URGENT_THREAD), Ordering::Relaxed);
        self.clock.now()
    }
}

/// Whether data is compacted on threads of normal priority that nobody has looked at for `waited` since it came.
async fn is_urgent(waited: Duration, config: CompactorConfig) -> bool {
    let mut world = world(5).await;
    let clock = Arc::new(NotingClock { clock: world.clock.clone(), is_urgent: false.into() });
    let interval = Duration::from_millis(100);
    let compactor =
        world.compactor_with_clock(world.session.clone(), CompactorConfig { interval, ..config }, clock.clone());
    let threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(URGENT_THREAD)
        .enable_all()
        .build()
        .expect("threads");
    compactor.set_urgent_threads(threads.handle().clone());
    let cancel = start(&compactor);
    commit(&mut world, 0..5, 1).await;
    let counters = compactor.counters();
    until(&world, "the lag", async || counters.lag_extents.load(Ordering::Relaxed) == 5).await;
    world.advance(waited);
    until(&world, "history", async || is_all_history(&world).await).await;
    cancel.cancel();
    threads.shutdown_background();
    clock.is_urgent.load(Ordering::Relaxed)
}

#[tokio::test]
async fn jobs_are_urgent_if_much_is_waiting_or_if_a_partition_has_been_due_for_too_long() {
    let age = Duration::from_secs(60);
    let config =
        |urgent_bytes| CompactorConfig { urgent_bytes, compact_age_max: age, compact_small_age_max: age, ..one_job() };
    assert!(!is_urgent(age * 3 / 2, config(u64::MAX)).await);
    assert!(is_urgent(age * 3 / 2, config(1)).await);
    assert!(is_urgent(age * 5 / 2, config(u64::MAX)).await);
}
