//! ListOffsets and reads of decoded records.

use alluvium_model::{Offset, Timestamp};

use super::world::{START_MS, World, batch, produce};
use crate::fetch::{FetchError, FoundOffset, OffsetSpec};

#[tokio::test(start_paused = true)]
async fn offsets_are_found_by_position_and_by_time() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    produce(&agent, partition, batch(&["a", "b", "c"])).await.expect("acknowledged");
    produce(&agent, partition, batch(&["d", "e"])).await.expect("acknowledged");
    let list = |spec| agent.fetch.list_offset(partition, spec, false);
    let at = |offset, timestamp| Ok(FoundOffset { offset: Offset(offset), timestamp: Timestamp(timestamp) });
    assert_eq!(list(OffsetSpec::Latest).await, at(5, -1));
    assert_eq!(agent.fetch.list_offset(partition, OffsetSpec::Latest, true).await, at(5, -1));
    assert_eq!(list(OffsetSpec::Earliest).await, at(0, -1));
    assert_eq!(list(OffsetSpec::EarliestLocal).await, at(0, -1));
    assert_eq!(list(OffsetSpec::LatestTiered).await, at(-1, -1));
    // The timestamps of each batch begin at the start time: the largest is that of "c".
    assert_eq!(list(OffsetSpec::MaxTimestamp).await, at(2, START_MS + 2));
    assert_eq!(list(OffsetSpec::Timestamp(Timestamp(START_MS + 1))).await, at(1, START_MS + 1));
    assert_eq!(list(OffsetSpec::Timestamp(Timestamp(0))).await, at(0, START_MS));
    assert_eq!(list(OffsetSpec::Timestamp(Timestamp(START_MS + 3))).await, at(-1, -1));
}

#[tokio::test(start_paused = true)]
async fn records_below_the_log_start_are_not_found() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    produce(&agent, partition, batch(&["a", "b", "c"])).await.expect("acknowledged");
    produce(&agent, partition, batch(&["d", "e"])).await.expect("acknowledged");
    let trimmed = world.metastore.log.trim(partition, Offset(2), world.clock.now()).await;
    assert!(trimmed.is_ok());
    let list = |spec| agent.fetch.list_offset(partition, spec, false);
    let at = |offset, timestamp| Ok(FoundOffset { offset: Offset(offset), timestamp: Timestamp(timestamp) });
    assert_eq!(list(OffsetSpec::Earliest).await, at(2, -1));
    assert_eq!(list(OffsetSpec::Timestamp(Timestamp(0))).await, at(2, START_MS + 2));
    assert!(matches!(
        agent.fetch.read_records(partition, Offset(1), 10).await,
        Err(FetchError::OffsetOutOfRange { start: Offset(2), .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn an_empty_partition_has_offsets_but_no_timestamps() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let list = |spec| agent.fetch.list_offset(partition, spec, false);
    assert_eq!(list(OffsetSpec::MaxTimestamp).await, Ok(FoundOffset::NONE));
    assert_eq!(list(OffsetSpec::Timestamp(Timestamp(0))).await, Ok(FoundOffset::NONE));
    assert_eq!(list(OffsetSpec::Latest).await.map(|found| found.offset), Ok(Offset(0)));
}

#[tokio::test(start_paused = true)]
async fn decoded_reads_start_at_the_offset_and_end_at_the_limit() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    produce(&agent, partition, batch(&["a", "b", "c"])).await.expect("acknowledged");
    produce(&agent, partition, batch(&["d", "e"])).await.expect("acknowledged");
    let records = agent.fetch.read_records(partition, Offset(1), 3).await.expect("readable");
    let read: Vec<(i64, &[u8])> =
        records.iter().map(|record| (record.offset.0, record.value.as_deref().unwrap_or_default())).collect();
    assert_eq!(read, [(1, b"b".as_slice()), (2, b"c"), (3, b"d")]);
    assert_eq!(records[0].timestamp, Timestamp(START_MS + 1));
    assert_eq!(agent.fetch.read_records(partition, Offset(5), 3).await, Ok(Vec::new()));
}
