//! Inputs that cannot be read: they stay as they are, and everything else is compacted.

use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_model::{ExtentSource, object_key};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::Clock;

use super::crash::slow_store;
use super::drafts::drafts;
use super::world::{World, config};

async fn world() -> World {
    let mut world = World::new(2, &[("retention.ms", "-1")], KvFaults::none()).await;
    for n in 0..6 {
        world.commit(vec![(0, vec![drafts(2, 100, n)]), (1, vec![drafts(2, 100, n + 50)])]).await;
    }
    world
}

async fn levels(world: &World, partition: i32) -> Vec<&'static str> {
    let level = |source: &ExtentSource| match source {
        ExtentSource::Marker { .. } => panic!("there are no transactions"),
        ExtentSource::Segment { .. } => "segment",
        ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } => "history",
    };
    world.extents(world.partition(partition)).await.iter().map(|extent| level(&extent.source)).collect()
}

/// Each read of a segment takes 2 s.
fn delay_segment_reads(world: &World) {
    let get = FaultRule::on(Operation::Get, Fault::Delay(Duration::from_secs(2)));
    world.faults.inject(get.key_contains("segments/"));
}

/// Trims both partitions up to their ends.
async fn trim_all(world: &World) {
    for partition in [world.partition(0), world.partition(1)] {
        let head = world.metastore.log.head(partition).await.expect("read").expect("a partition");
        world.metastore.log.trim(partition, head.stable, world.clock.now()).await.expect("trim");
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_run_stays_and_its_partition_is_compacted_around_it() {
    let world = world().await;
    let extent = world.extents(world.partition(0)).await[3].clone();
    let ExtentSource::Segment { position, .. } = &extent.source else { panic!("a segment") };
    let key = object_key::segment(extent.object);
    let mut bytes = world.objects.get(&key).await.expect("get").to_vec();
    bytes[usize::try_from(position.end).expect("small") - 1] ^= 1;
    world.objects.put(&key, vec![bytes.into()]).await.expect("put");

    let compactor = world.compactor(config());
    let report = compactor.run_once().await;
    assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
    assert_eq!(levels(&world, 0).await, ["history", "segment", "history"]);
    assert_eq!(levels(&world, 1).await, ["history"]);
    assert_eq!(compactor.run_once().await.failures, Vec::<String>::new(), "a broken extent is not tried again");
}

#[tokio::test(start_paused = true)]
async fn a_missing_segment_stays_and_everything_else_is_compacted() {
    let world = world().await;
    let extent = world.extents(world.partition(0)).await[0].clone();
    world.objects.delete(&[object_key::segment(extent.object)]).await.expect("delete");
    let report = world.compactor(config()).run_once().await;
    assert_eq!(report.failures.len(), 1, "one for both partitions: {:?}", report.failures);
    assert_eq!(levels(&world, 0).await, ["segment", "history"]);
    assert_eq!(levels(&world, 1).await, ["segment", "history"]);
}

#[tokio::test(start_paused = true)]
async fn inputs_that_are_trimmed_and_deleted_while_a_job_waits_are_no_failure() {
    let world = world().await;
    delay_segment_reads(&world);
    let trim_and_delete = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        trim_all(&world).await;
        let other = world.process(KvFaults::none(), config()).await;
        let mut deleted = 0;
        for _ in 0..3 {
            deleted += other.compactor.run_once().await.objects_deleted;
            world.advance(config().retire_grace * 2);
        }
        assert_eq!(deleted, 6);
    };
    let compactor = world.compactor(config());
    let (report, ()) = tokio::join!(compactor.run_once(), trim_and_delete);
    assert_eq!((report.failures, report.stale), (Vec::new(), 2));
}

#[tokio::test(start_paused = true)]
async fn inputs_whose_files_are_deleted_before_their_rows_are_no_failure() {
    let world = world().await;
    delay_segment_reads(&world);
    let trim_and_delete_files = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let segments = world.keys().await;
        trim_all(&world).await;
        world.objects.delete(&segments).await.expect("delete");
    };
    let compactor = world.compactor(config());
    let (report, ()) = tokio::join!(compactor.run_once(), trim_and_delete_files);
    assert_eq!((report.failures, report.stale), (Vec::new(), 2));
}

#[tokio::test(start_paused = true)]
async fn a_missing_history_file_is_reported_and_not_tried_again() {
    let mut world = world().await;
    let compactor = world.compactor(config());
    compactor.run_once().await;
    let extent = world.extents(world.partition(0)).await[0].clone();
    let keys = world.keys().await;
    let key = keys.iter().find(|key| key.contains(&extent.object.to_string())).expect("its file");
    world.objects.delete(std::slice::from_ref(key)).await.expect("delete");
    let mut failures = Vec::new();
    for n in 0..8 {
        world.commit(vec![(0, vec![drafts(2, 100, n)])]).await;
        failures.extend(compactor.run_once().await.failures);
    }
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(levels(&world, 0).await[0], "history");
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_swap_certainly_fails_is_deleted_at_once() {
    let world = world().await;
    world.metastore_faults.set(slow_store());
    let compactor = world.compactor(config());
    let is_file = |key: &String| key.starts_with("history/");
    let put = FaultRule::on(Operation::Put, Fault::Delay(Duration::from_secs(20)));
    world.faults.inject(put.key_contains("history/"));
    let conflicts_while_files_are_put = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.metastore_faults.set(KvFaults { conflict_per_mille: 1_000, ..slow_store() });
    };
    let (report, ()) = tokio::join!(compactor.run_once(), conflicts_while_files_are_put);
    assert!(report.failures.iter().any(|failure| failure.contains("gave up")), "{:?}", report.failures);
    assert!(!world.keys().await.iter().any(is_file), "no file is left to the orphan sweep");
    world.metastore_faults.set(KvFaults::none());
    world.faults.heal();
    assert_eq!(world.compactor(config()).run_once().await.files_written, 2);
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_fails_for_a_while_delays_compaction_and_breaks_nothing() {
    for operation in [Operation::Get, Operation::Put] {
        let world = world().await;
        world.faults.inject(FaultRule::on(operation, Fault::Unavailable));
        let compactor = world.compactor(config());
        let report = compactor.run_once().await;
        assert!(!report.failures.is_empty());
        assert_eq!(report.files_written, 0);
        world.faults.heal();
        let report = compactor.run_once().await;
        assert_eq!((report.failures.len(), report.records_written), (0, 24));
        world.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_that_was_done_but_reported_as_failed_is_repeated() {
    let world = world().await;
    world.faults.inject(FaultRule::on(Operation::Put, Fault::DoneButUnavailable).times(2));
    let report = world.compactor(config()).run_once().await;
    assert_eq!((report.failures.len(), report.records_written), (0, 24));
    world.check().await;
}
