//! Jobs of which a part fails, hangs or panics: nobody else waits for them, and nothing is written twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluvium_metastore::leases::LeaseKey;
use alluvium_model::{Timestamp, object_key};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::Clock;
use tokio::time::{Instant, sleep};

use super::jobs::{commit, files_written, is_all_history, is_history, one_job, start, until, world};
use super::world::{World, begins_with, own_files as config};
use crate::CompactorConfig;

fn hang_puts(world: &World, partitions: std::ops::Range<i32>) {
    for number in partitions {
        world.faults.inject(FaultRule::on(Operation::Put, Fault::Hang).content(begins_with(number)));
    }
}

#[tokio::test(start_paused = true)]
async fn puts_that_hang_hold_back_no_file_that_is_put_beside_them() {
    let mut world = world(20).await;
    commit(&mut world, 0..20, 1).await;
    let compactor = world.compactor(CompactorConfig { compact_bytes_min: 1, ..one_job() });
    hang_puts(&world, 0..3);
    let cancel = start(&compactor);
    let started = Instant::now();
    until(&world, "the files beside them", async || files_written(&compactor) == 17).await;
    assert!(started.elapsed() < Duration::from_secs(30), "they waited {:?}", started.elapsed());
    world.faults.heal();
    until(&world, "everything", async || is_all_history(&world).await).await;
    cancel.cancel();
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn puts_that_hang_hold_back_no_later_files_of_their_job() {
    for hung in [1, 4] {
        let mut world = world(100).await;
        commit(&mut world, 0..100, 1).await;
        let compactor = world.compactor(CompactorConfig { compact_bytes_min: 1, ..one_job() });
        hang_puts(&world, 0..hung);
        let cancel = start(&compactor);
        let started = Instant::now();
        let others = 100 - u64::try_from(hung).expect("positive");
        until(&world, "all others", async || files_written(&compactor) == others).await;
        assert!(started.elapsed() < Duration::from_secs(30), "they waited {:?} for {hung}", started.elapsed());
        world.faults.heal();
        until(&world, "everything", async || is_all_history(&world).await).await;
        cancel.cancel();
        world.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn puts_that_hang_stop_no_other_job() {
    let mut world = world(40).await;
    commit(&mut world, 0..20, 1).await;
    let compactor =
        world.compactor(CompactorConfig { compact_bytes_min: 1, file_bytes_target: 60_000, jobs_max: 4, ..config() });
    hang_puts(&world, 0..4);
    let cancel = start(&compactor);
    sleep(Duration::from_secs(5)).await;
    commit(&mut world, 20..40, 1).await;
    let started = Instant::now();
    until(&world, "another job", async || is_history(&world.extents(world.partition(39)).await[0])).await;
    assert!(started.elapsed() < Duration::from_secs(30), "another job waited {:?}", started.elapsed());
    cancel.cancel();
}

#[tokio::test(start_paused = true)]
async fn many_jobs_put_many_files_at_once() {
    let mut took = Vec::new();
    for jobs_max in [1, 16] {
        let mut world = world(480).await;
        commit(&mut world, 0..480, 1).await;
        world
            .faults
            .inject(FaultRule::on(Operation::Put, Fault::Delay(Duration::from_millis(400))).key_contains("history/"));
        let started = Instant::now();
        let config = CompactorConfig { file_bytes_target: 45_000, jobs_max, ..config() };
        assert_eq!(world.compactor(config).run_once().await.files_written, 480);
        took.push(started.elapsed());
    }
    assert!(took[1] * 5 < took[0] * 2, "one job at once took {:?}, many {:?}", took[0], took[1]);
}

/// A clock that panics once, in a thread of that name.
struct PanickingClock {
    clock: Arc<dyn Clock>,
    panics: AtomicBool,
}

const URGENT_THREAD: &str = "urgent";

impl Clock for PanickingClock {
    fn now(&self) -> Timestamp {
        if std::thread::current().name() == Some(URGENT_THREAD) && self.panics.swap(false, Ordering::Relaxed) {
            panic!("a test");
        }
        self.clock.now()
    }
}

#[tokio::test]
async fn the_leases_of_a_job_that_panics_on_urgent_threads_are_released() {
    let mut world = world(5).await;
    commit(&mut world, 0..5, 1).await;
    let clock = Arc::new(PanickingClock { clock: world.clock.clone(), panics: true.into() });
    let interval = Duration::from_millis(100);
    let config = CompactorConfig { urgent_bytes: 0, compact_bytes_min: 1, interval, ..one_job() };
    let compactor = world.compactor_with_clock(world.session.clone(), config, clock);
    let threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(URGENT_THREAD)
        .enable_all()
        .build()
        .expect("threads");
    compactor.set_urgent_threads(threads.handle().clone());
    let cancel = start(&compactor);
    until(&world, "history", async || is_all_history(&world).await).await;
    assert_eq!(compactor.counters().failures.load(Ordering::Relaxed), 1, "the panic");
    let leases = &world.metastore.leases;
    until(&world, "released leases", async || {
        let mut held = 0;
        for number in 0..5 {
            let holder = leases.holder(&LeaseKey::Partition(world.partition(number))).await.expect("read");
            held += usize::from(holder.is_some());
        }
        held == 0
    })
    .await;
    cancel.cancel();
    threads.shutdown_background();
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_cannot_be_read_for_a_while_costs_no_files() {
    let mut world = world(20).await;
    let mut segments = Vec::new();
    for n in 0..4 {
        segments.push(commit(&mut world, 0..20, n).await);
    }
    world
        .faults
        .inject(FaultRule::on(Operation::Get, Fault::Unavailable).key_contains(object_key::segment(segments[2])));
    let compactor = world.compactor(CompactorConfig { compact_bytes_min: 1, ..one_job() });
    let cancel = start(&compactor);
    until(&world, "a failure", async || compactor.counters().failures.load(Ordering::Relaxed) > 0).await;
    world.faults.heal();
    until(&world, "history", async || is_all_history(&world).await).await;
    cancel.cancel();
    assert_eq!(files_written(&compactor), 20, "no file in two parts");
    world.check().await;
}
