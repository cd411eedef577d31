use std::time::Duration;

use alluvium_model::{ObjectId, Offset, Timestamp, TopicPartition, log::CommitLimits};

use super::{ObjectsBacklog, RetireStep};
use crate::{
    Metastore,
    fixtures::{self, lease, segment},
    leases::{Lease, LeaseKey, MaintenanceRole},
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const GRACE: Duration = Duration::from_secs(60);

/// Two partitions with an extent each in the same segment, and the lease on retired objects.
async fn shared() -> (Metastore, Vec<TopicPartition>, ObjectId, Lease) {
    let metastore = fixtures::memory().await;
    let topic = fixtures::topic(&metastore, "topic", 2, NOW).await;
    let partitions: Vec<_> = topic.all_partitions().collect();
    let segment = segment(&partitions, 1, NOW);
    let object = segment.object;
    metastore.log.commit(&[segment], || NOW, &CommitLimits::default()).await.unwrap();
    let lease = lease(&metastore, LeaseKey::Role(MaintenanceRole::Retired)).await;
    (metastore, partitions, object, lease)
}

#[tokio::test]
async fn an_object_is_retired_when_its_last_reference_is_taken_back() {
    let (metastore, partitions, object, lease) = shared().await;
    let step = async |now| metastore.objects.retire_released(&lease, now, GRACE).await.unwrap();
    metastore.log.trim(partitions[0], Offset(1), NOW).await.unwrap();
    assert_eq!(step(NOW).await, RetireStep { retired: 0, done: true });
    metastore.log.trim(partitions[1], Offset(1), NOW).await.unwrap();
    assert_eq!(metastore.objects.retired_due(Timestamp(i64::MAX - 1), 9).await, Ok(vec![]));
    let later = NOW.plus_ms(5);
    assert_eq!(step(later).await, RetireStep { retired: 1, done: true });
    let retired = metastore.objects.retired_due(later.plus(GRACE), 9).await.unwrap();
    assert_eq!(retired.iter().map(|r| (r.id, r.due)).collect::<Vec<_>>(), [(object, later.plus(GRACE))]);
    assert_eq!(step(later.plus_ms(9)).await, RetireStep { retired: 0, done: true });
}

#[tokio::test]
async fn both_references_released_before_the_first_step_retire_it_once() {
    let (metastore, partitions, object, lease) = shared().await;
    for partition in partitions {
        metastore.log.trim(partition, Offset(1), NOW).await.unwrap();
    }
    let step = metastore.objects.retire_released(&lease, NOW, GRACE).await.unwrap();
    assert_eq!(step, RetireStep { retired: 1, done: true });
    assert_eq!(metastore.objects.retired_due(NOW.plus(GRACE), 9).await.unwrap().len(), 1);
    metastore.objects.forget(&lease, &[object]).await.unwrap();
    assert_eq!(metastore.objects.known(&[object]).await, Ok(vec![false]));
}

#[tokio::test]
async fn nothing_is_retired_without_the_lease() {
    let (metastore, partitions, _, lease) = shared().await;
    metastore.log.trim(partitions[0], Offset(1), NOW).await.unwrap();
    metastore.leases.release(std::slice::from_ref(&lease)).await.unwrap();
    assert!(metastore.objects.retire_released(&lease, NOW, GRACE).await.is_err());
    assert_eq!(metastore.objects.backlog().await.unwrap().released, Some(NOW));
}

#[tokio::test]
async fn the_backlog_is_the_oldest_release_and_the_earliest_due_time() {
    let (metastore, partitions, _, lease) = shared().await;
    let backlog = async || metastore.objects.backlog().await.unwrap();
    assert_eq!(backlog().await, ObjectsBacklog::default());
    for (n, partition) in partitions.into_iter().enumerate() {
        metastore.log.trim(partition, Offset(1), NOW.plus_ms(n as i64)).await.unwrap();
    }
    assert_eq!(backlog().await, ObjectsBacklog { released: Some(NOW), retired_due: None });
    metastore.objects.retire_released(&lease, NOW, GRACE).await.unwrap();
    assert_eq!(backlog().await, ObjectsBacklog { released: None, retired_due: Some(NOW.plus(GRACE)) });
}

#[tokio::test]
async fn a_long_queue_is_worked_off_in_bounded_steps() {
    let metastore = fixtures::memory().await;
    let topic = fixtures::topic(&metastore, "topic", 1, NOW).await;
    let partition = topic.all_partitions().next().unwrap();
    for n in 0..15 {
        let segments: Vec<_> = (n * 100..(n + 1) * 100).map(|n| segment(&[partition], n, NOW)).collect();
        metastore.log.commit(&segments, || NOW, &CommitLimits::default()).await.unwrap();
    }
    metastore.log.trim(partition, Offset(1_500), NOW).await.unwrap();
    let lease = lease(&metastore, LeaseKey::Role(MaintenanceRole::Retired)).await;
    let step = async || metastore.objects.retire_released(&lease, NOW, GRACE).await.unwrap();
    assert_eq!(step().await, RetireStep { retired: 1_000, done: false });
    assert_eq!(step().await, RetireStep { retired: 500, done: true });
}
