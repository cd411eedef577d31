use std::time::Duration;

use alluvium_model::{Offset, Timestamp, limits::TRIM_STEP_EXTENTS};

use super::{NOW, store, unknown};
use crate::{feed::FeedPosition, fixtures::append, log::TrimError};

const GRACE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_long_log_is_trimmed_in_steps_each_of_which_is_in_the_feed() {
    let (metastore, partitions) = store(1).await;
    let extents = TRIM_STEP_EXTENTS as u64 + 50;
    for n in 0..extents {
        append(&metastore, partitions[0], n, NOW).await;
    }
    let before = metastore.feed.position().await.unwrap();
    let target = Offset(extents as i64 - 1);
    let head = metastore.log.trim(partitions[0], target, NOW, GRACE).await.unwrap();
    assert_eq!((head.start, head.bytes, head.earliest), (target, 100, NOW));
    assert_eq!(metastore.feed.read(&before, 9).await.unwrap().len(), 2);
    assert_eq!(metastore.log.find(partitions[0], Offset(0), 9).await.unwrap().len(), 1);
    let due = metastore.objects.retired_due(NOW.plus(GRACE), usize::MAX).await.unwrap();
    assert_eq!(due.len(), 1_000, "a page of the queue");
}

#[tokio::test]
async fn trimming_to_where_the_log_starts_already_writes_nothing() {
    let (metastore, partitions) = store(1).await;
    append(&metastore, partitions[0], 1, NOW).await;
    let trimmed = metastore.log.trim(partitions[0], Offset(1), NOW, GRACE).await.unwrap();
    assert_eq!((trimmed.start, trimmed.bytes, trimmed.earliest), (Offset(1), 0, Timestamp::NONE));
    let position = metastore.feed.position().await;
    assert_ne!(position, Ok(FeedPosition::START));
    assert_eq!(metastore.log.trim(partitions[0], Offset(0), NOW, GRACE).await, Ok(trimmed));
    assert_eq!(metastore.feed.position().await, position);
}

#[tokio::test]
async fn a_start_beyond_the_end_and_an_unknown_partition_are_refused() {
    let (metastore, partitions) = store(1).await;
    append(&metastore, partitions[0], 1, NOW).await;
    assert_eq!(
        metastore.log.trim(partitions[0], Offset(2), NOW, GRACE).await,
        Err(TrimError::OutOfRange { requested: Offset(2), next: Offset(1) })
    );
    let unknown = unknown(partitions[0]);
    assert_eq!(metastore.log.trim(unknown, Offset(0), NOW, GRACE).await, Err(TrimError::UnknownPartition(unknown)));
}
