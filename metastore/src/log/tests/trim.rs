use alluvium_model::{Offset, limits::TRIM_STEP_EXTENTS};

use super::{NOW, store, unknown};
use crate::{feed::FeedPosition, fixtures::append, log::TrimError};

#[tokio::test]
async fn a_long_log_is_trimmed_in_steps_each_of_which_is_in_the_feed() {
    let (metastore, partitions) = store(1).await;
    let extents = TRIM_STEP_EXTENTS as u64 + 50;
    for n in 0..extents {
        append(&metastore, partitions[0], n, NOW).await;
    }
    let before = metastore.feed.position().await.unwrap();
    let target = Offset(extents as i64 - 1);
    let head = metastore.log.trim(partitions[0], target, NOW).await.unwrap();
    assert_eq!(head.start, target);
    assert_eq!(metastore.log.sizes(&partitions).await, Ok(vec![Some(100)]));
    assert_eq!(metastore.feed.read(&before, 9).await.unwrap().len(), 2);
    assert_eq!(metastore.log.find(partitions[0], Offset(0), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn trimming_to_where_the_log_starts_already_writes_nothing() {
    let (metastore, partitions) = store(1).await;
    append(&metastore, partitions[0], 1, NOW).await;
    let trimmed = metastore.log.trim(partitions[0], Offset(1), NOW).await.unwrap();
    assert_eq!(trimmed.start, Offset(1));
    assert_eq!(metastore.log.sizes(&partitions).await, Ok(vec![Some(0)]));
    let position = metastore.feed.position().await;
    assert_ne!(position, Ok(FeedPosition::START));
    assert_eq!(metastore.log.trim(partitions[0], Offset(0), NOW).await, Ok(trimmed));
    assert_eq!(metastore.feed.position().await, position);
}

#[tokio::test]
async fn a_start_beyond_the_end_and_an_unknown_partition_are_refused() {
    let (metastore, partitions) = store(1).await;
    append(&metastore, partitions[0], 1, NOW).await;
    assert_eq!(
        metastore.log.trim(partitions[0], Offset(2), NOW).await,
        Err(TrimError::OutOfRange { requested: Offset(2), next: Offset(1) })
    );
    let unknown = unknown(partitions[0]);
    assert_eq!(metastore.log.trim(unknown, Offset(0), NOW).await, Err(TrimError::UnknownPartition(unknown)));
}
