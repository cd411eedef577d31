use alluvium_model::{Offset, Timestamp};

use super::{NOW, store, unknown};
use crate::fixtures::append;

#[tokio::test]
async fn extents_are_found_from_the_one_that_contains_the_offset() {
    let (metastore, partitions) = store(2).await;
    for n in 0..5 {
        append(&metastore, partitions[0], n, NOW).await;
    }
    let found = async |from, limit| {
        let extents = metastore.log.find(partitions[0], Offset(from), limit).await.unwrap();
        extents.into_iter().map(|extent| extent.offsets.start.0).collect::<Vec<_>>()
    };
    assert_eq!(found(2, 2).await, [2, 3]);
    assert_eq!(found(-1, 1).await, [0]);
    assert_eq!(found(4, 9).await, [4]);
    assert_eq!(found(5, 9).await, [0; 0]);
    assert_eq!(found(i64::MAX, 9).await, [0; 0]);
    assert_eq!(metastore.log.find(partitions[1], Offset(0), 9).await, Ok(vec![]));
}

#[tokio::test]
async fn heads_are_answered_in_the_order_asked_for() {
    let (metastore, partitions) = store(3).await;
    append(&metastore, partitions[2], 1, NOW).await;
    let heads = metastore.log.heads(&[partitions[2], unknown(partitions[0]), partitions[0]]).await.unwrap();
    assert_eq!(heads.iter().map(|head| head.map(|head| head.next.0)).collect::<Vec<_>>(), [Some(1), None, Some(0)]);
}

#[tokio::test]
async fn a_search_by_time_crosses_more_extents_than_one_transaction_reads() {
    let (metastore, partitions) = store(1).await;
    for n in 0..1_100i64 {
        append(&metastore, partitions[0], n as u64, Timestamp(NOW.0 + n)).await;
    }
    let found = metastore.log.find_by_timestamp(partitions[0], Timestamp(NOW.0 + 1_050), Offset(0)).await.unwrap();
    assert_eq!(found.map(|extent| extent.offsets.start), Some(Offset(1_050)));
    let latest = metastore.log.find_latest_timestamp(partitions[0]).await.unwrap();
    assert_eq!(latest.map(|extent| extent.offsets.start), Some(Offset(1_099)));
    assert_eq!(metastore.log.find_by_timestamp(partitions[0], NOW.plus_ms(2_000), Offset(0)).await, Ok(None));
}
