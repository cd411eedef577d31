//! Fetch, as Kafka answers it.

use alluvium_wire::ErrorCode;
use alluvium_wire::batch::{Batch, BatchBuilder, Compression};
use alluvium_wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use bytes::Bytes;

use crate::batches::records;
use crate::producing::append;
use crate::server::Server;

pub fn fetch(topic: &str, offset: i64) -> FetchRequest {
    let partition = FetchPartition { fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: topic.into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { max_wait_ms: 0, min_bytes: 1, topics: vec![topic], ..Default::default() }
}

fn partition(response: &FetchResponse) -> &PartitionData {
    &response.responses[0].partitions[0]
}

fn batches(partition: &PartitionData) -> Vec<Batch> {
    let mut bytes: Bytes = partition.records.clone().unwrap().into_parts().concat().into();
    let mut batches = Vec::new();
    while !bytes.is_empty() {
        let batch = Batch::parse(&mut bytes).unwrap();
        batch.validate().unwrap();
        batches.push(batch);
    }
    batches
}

#[tokio::test]
async fn every_version_reads_what_was_written() {
    let server = Server::start().await;
    let id = server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    client.call(8, &append("t", 0, -1, records(2))).await;
    client.call(8, &append("t", 0, -1, records(3))).await;
    for version in 4..=18 {
        let mut request = fetch("t", 1);
        request.topics[0].topic_id = id;
        let response = client.call(version, &request).await;
        let found = partition(&response);
        assert_eq!((found.error_code, found.high_watermark, found.last_stable_offset), (ErrorCode::NONE, 5, 5));
        assert_eq!(response.session_id, 0);
        let batches = batches(found);
        let bases: Vec<_> = batches.iter().map(|batch| batch.header().base_offset).collect();
        assert_eq!(bases, [0, 2], "version {version}: the batch that contains the offset comes first");
        assert!(batches.iter().all(|batch| batch.header().leader_epoch == 0));
    }
}

#[tokio::test]
async fn the_end_of_the_log_is_empty_and_beyond_it_is_out_of_range() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    client.call(8, &append("t", 0, -1, records(2))).await;
    let at_end = client.call(11, &fetch("t", 2)).await;
    assert_eq!(partition(&at_end).error_code, ErrorCode::NONE);
    assert!(partition(&at_end).records.as_ref().unwrap().is_empty());
    for offset in [3, -1, i64::MAX] {
        let beyond = client.call(11, &fetch("t", offset)).await;
        assert_eq!(partition(&beyond).error_code, ErrorCode::OFFSET_OUT_OF_RANGE, "offset {offset}");
    }
}

#[tokio::test]
async fn unknown_partitions_are_errors_beside_known_ones() {
    let server = Server::start().await;
    let id = server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    client.call(8, &append("t", 0, -1, records(1))).await;
    let mut request = fetch("t", 0);
    request.max_wait_ms = 60_000;
    request.topics[0].partitions.push(FetchPartition { partition: 9, ..Default::default() });
    request.topics.push(fetch("unknown", 0).topics.remove(0));
    let response = client.call(12, &request).await;
    let codes: Vec<Vec<_>> = response
        .responses
        .iter()
        .map(|topic| topic.partitions.iter().map(|partition| partition.error_code).collect())
        .collect();
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(codes, [vec![ErrorCode::NONE, unknown], vec![unknown]]);
    assert_eq!(batches(partition(&response)).len(), 1);
    let mut by_id = fetch("", 0);
    by_id.topics[0].topic_id = uuid::Uuid::from_u128(id.as_u128() ^ 1);
    assert_eq!(partition(&client.call(13, &by_id).await).error_code, ErrorCode::UNKNOWN_TOPIC_ID);
}

#[tokio::test]
async fn a_waiting_fetch_is_woken_by_records() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut consumer = server.client().await;
    let mut request = fetch("t", 0);
    request.max_wait_ms = 300_000;
    consumer.send(11, &request).await;
    server.client().await.call(8, &append("t", 0, -1, records(4))).await;
    let (_, response) = consumer.receive::<FetchResponse>(11).await;
    assert_eq!(batches(partition(&response)).len(), 1);
    assert_eq!(partition(&response).high_watermark, 4);
}

#[tokio::test]
async fn a_newer_leader_epoch_is_unknown() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    for (epoch, expected) in [(-1, ErrorCode::NONE), (0, ErrorCode::NONE), (1, ErrorCode::UNKNOWN_LEADER_EPOCH)] {
        let mut request = fetch("t", 0);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        assert_eq!(partition(&client.call(11, &request).await).error_code, expected);
    }
}

#[tokio::test]
async fn the_first_batch_is_whole_however_small_the_budget() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    client.call(8, &append("t", 0, -1, records(100))).await;
    client.call(8, &append("t", 0, -1, records(100))).await;
    let mut request = fetch("t", 0);
    request.max_bytes = 1;
    request.topics[0].partitions[0].partition_max_bytes = 1;
    let response = client.call(11, &request).await;
    assert_eq!(batches(partition(&response)).len(), 1);
}

#[tokio::test]
async fn read_committed_fetches_get_a_list_of_aborted_transactions() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let response = client.call(11, &FetchRequest { isolation_level: 1, ..fetch("t", 0) }).await;
    assert_eq!(partition(&response).aborted_transactions.as_deref(), Some(&[][..]));
    let response = client.call(11, &fetch("t", 0)).await;
    assert_eq!(partition(&response).aborted_transactions, None);
}

#[tokio::test]
async fn a_batch_of_many_megabytes_comes_back_byte_for_byte() {
    let server = Server::start().await;
    server.topic("t", 1, &[("max.message.bytes", "20000000")]).await;
    let mut client = server.client().await;
    let mut builder = BatchBuilder::new(Compression::None, 0);
    let value: Vec<u8> =
        (0..12_000_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    builder.push(0, crate::batches::now(), None, Some(&value), []).unwrap();
    let sent = builder.finish();
    let answered = client.call(9, &append("t", 0, -1, sent.clone())).await;
    assert_eq!(crate::producing::response(&answered).error_code, ErrorCode::NONE);
    let response = client.call(12, &fetch("t", 0)).await;
    let batch = batches(partition(&response)).remove(0);
    assert_eq!(batch.bytes(), sent);
}
