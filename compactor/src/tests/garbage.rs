//! What is deleted: expired records, deleted topics, retired objects, orphans. And what is not.

use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_model::{ObjectId, Offset, Timestamp, object_key};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::Clock;
use bytes::Bytes;

use super::drafts::drafts;
use super::world::{World, config};
use crate::CompactorConfig;

const DAY: Duration = Duration::from_secs(25 * 3600);

async fn world(configs: &[(&str, &str)]) -> World {
    let mut world = World::new(2, configs, KvFaults::none()).await;
    for n in 0..5 {
        world.commit(vec![(0, vec![drafts(2, 100, n)]), (1, vec![drafts(2, 100, n + 50)])]).await;
    }
    world
}

#[tokio::test(start_paused = true)]
async fn retired_segments_are_deleted_after_the_grace_and_not_before() {
    let world = world(&[("retention.ms", "-1")]).await;
    let compactor = world.compactor(config());
    assert_eq!(compactor.run_once().await.objects_deleted, 0);
    assert_eq!(world.keys().await.len(), 7, "five segments, two files");
    world.advance(Duration::from_secs(599));
    assert_eq!(compactor.run_once().await.objects_deleted, 0);
    world.advance(Duration::from_secs(2));
    assert_eq!(compactor.run_once().await.objects_deleted, 5);
    world.check_bucket().await;
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_fails_is_repeated() {
    let world = world(&[("retention.ms", "-1")]).await;
    let compactor = world.compactor(config());
    compactor.run_once().await;
    world.advance(Duration::from_secs(601));
    for fault in [Fault::Denied, Fault::DoneButUnavailable] {
        world.faults.inject(FaultRule::on(Operation::Delete, fault));
        let report = compactor.run_once().await;
        assert_eq!((report.objects_deleted, report.failures.len()), (0, 1));
        world.faults.heal();
    }
    assert_eq!(compactor.run_once().await.objects_deleted, 5);
    world.check_bucket().await;
}

#[tokio::test(start_paused = true)]
async fn expired_records_are_deleted_with_their_objects() {
    let mut world = world(&[("retention.ms", "3600000")]).await;
    let fresh = world.clock.now().0;
    let mut young = drafts(2, 100, 99);
    young.records.iter_mut().for_each(|record| record.timestamp = fresh);
    world.commit(vec![(0, vec![young])]).await;
    let report = world.compactor(config()).run_once().await;
    assert_eq!((report.trims, report.records_written), (1, 12), "records of 1970 before a roll are not rewritten");
    assert_eq!(world.expected(world.partition(0)).await.len(), 2);
    assert_eq!(world.expected(world.partition(1)).await.len(), 10, "young by arrival, and nothing has rolled yet");
    world.check().await;
    world.advance(Duration::from_secs(3_601));
    assert_eq!(world.compactor(config()).run_once().await.trims, 2);
    assert_eq!(world.expected(world.partition(1)).await.len(), 0);
    world.advance(Duration::from_secs(601));
    world.compactor(config()).run_once().await;
    world.check_bucket().await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_deleted_delays_only_itself() {
    let world = world(&[("retention.ms", "-1")]).await;
    let compactor = world.compactor(config());
    compactor.run_once().await;
    world.advance(Duration::from_secs(601));
    let keys = world.keys().await;
    let locked = keys.iter().find(|key| key.starts_with("segments/")).expect("a segment").clone();
    world.faults.inject(FaultRule::on(Operation::Delete, Fault::Denied).key_contains(locked.clone()));
    let report = compactor.run_once().await;
    assert_eq!((report.objects_deleted, report.failures.len()), (4, 1));
    let retired = world.metastore.objects.retired_due(world.clock.now(), 10).await.expect("read");
    assert_eq!(retired.iter().map(|retired| &retired.key).collect::<Vec<_>>(), [&locked], "the others are forgotten");
    world.faults.heal();
    assert_eq!(compactor.run_once().await.objects_deleted, 1);
    world.check_bucket().await;
}

#[tokio::test(start_paused = true)]
async fn records_beyond_retention_bytes_are_deleted() {
    let world = world(&[("retention.ms", "-1"), ("retention.bytes", "900")]).await;
    world.compactor(config()).run_once().await;
    let head = world.metastore.log.head(world.partition(0)).await.expect("read").expect("there");
    assert_eq!(head.start, Offset(4), "about 320 bytes each: three extents hold 900");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_topic_is_purged_after_its_grace() {
    let world = world(&[("retention.ms", "-1")]).await;
    let compactor = world.compactor(config());
    compactor.run_once().await;
    world.metastore.topics.delete(world.topic.id, world.clock.now(), Duration::from_secs(60)).await.expect("delete");
    assert_eq!(compactor.run_once().await.topics_purged, 0);
    world.advance(Duration::from_secs(61));
    assert_eq!(compactor.run_once().await.topics_purged, 1);
    world.advance(Duration::from_secs(601));
    compactor.run_once().await;
    assert_eq!(world.keys().await, Vec::<String>::new());
}

async fn put_orphans(world: &World, count: u64, created: Timestamp) {
    for n in 0..count {
        let id = ObjectId::new(created, 9, n);
        let key = if n % 2 == 0 { object_key::segment(id) } else { object_key::history("orders", world.topic.id, id) };
        world.objects.put(&key, vec![Bytes::from_static(b"orphan")]).await.expect("put");
    }
}

#[tokio::test(start_paused = true)]
async fn only_old_orphans_are_deleted() {
    let world = world(&[("retention.ms", "-1")]).await;
    let compactor = world.compactor(config());
    compactor.run_once().await;
    put_orphans(&world, 4, world.clock.now()).await;
    world.objects.put("segments/notes.txt", vec![Bytes::from_static(b"not ours")]).await.expect("put");
    assert_eq!(compactor.run_once().await.orphans_found, 0, "too young: an agent may be about to commit them");

    world.advance(DAY);
    put_orphans(&world, 2, world.clock.now()).await;
    let report = compactor.run_once().await;
    assert_eq!((report.orphans_found, report.orphans_deleted), (4, 4), "the two new ones stay");
    world.check().await;
    assert_eq!(world.keys().await.iter().filter(|key| key.ends_with("notes.txt")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_deletes_no_orphans_and_the_cap_limits_deletions() {
    let world = world(&[("retention.ms", "-1")]).await;
    put_orphans(&world, 5, world.clock.now()).await;
    world.advance(DAY);
    let dry = CompactorConfig { sweep_dry_run: true, ..config() };
    let report = world.compactor(dry).run_once().await;
    assert_eq!((report.orphans_found, report.orphans_deleted), (5, 0));
    let capped = CompactorConfig { sweep_deletes_max: 3, ..config() };
    let report = world.compactor(capped).run_once().await;
    assert_eq!((report.orphans_found, report.orphans_deleted), (5, 3));
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn young_objects_are_never_orphans_whatever_is_configured() {
    let world = world(&[("retention.ms", "-1")]).await;
    put_orphans(&world, 2, world.clock.now()).await;
    let zero_age = CompactorConfig { orphan_age: Duration::ZERO, ..config() };
    assert_eq!(world.compactor(zero_age).run_once().await.orphans_found, 0);
}
