//! ListOffsets and OffsetForLeaderEpoch, as Kafka answers them.

use alluvium_wire::ErrorCode;
use alluvium_wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
};
use alluvium_wire::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};

use crate::batches::with_timestamps;
use crate::client::Client;
use crate::producing::append;
use crate::server::Server;

async fn list(client: &mut Client, version: i16, timestamp: i64) -> ListOffsetsPartitionResponse {
    let partition = ListOffsetsPartition { timestamp, ..Default::default() };
    let topic = ListOffsetsTopic { name: "t".into(), partitions: vec![partition] };
    let response = client.call(version, &ListOffsetsRequest { topics: vec![topic], ..Default::default() }).await;
    response.topics[0].partitions[0].clone()
}

async fn five_records() -> (Server, Client) {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    client.call(8, &append("t", 0, -1, with_timestamps(&[1_000, 2_000, 9_000]))).await;
    client.call(8, &append("t", 0, -1, with_timestamps(&[3_000, 4_000]))).await;
    (server, client)
}

#[tokio::test]
async fn special_offsets_and_times_are_found_as_in_kafka() {
    let (_server, mut client) = five_records().await;
    for (timestamp, offset, found, epoch) in [
        (-1, 5, -1, 0),
        (-2, 0, -1, 0),
        (-3, 2, 9_000, 0),
        (-4, 0, -1, 0),
        (-5, -1, -1, -1),
        (-6, -1, -1, -1),
        (0, 0, 1_000, 0),
        (1_500, 1, 2_000, 0),
        (2_001, 2, 9_000, 0),
        (9_001, -1, -1, -1),
    ] {
        let answer = list(&mut client, 11, timestamp).await;
        let got = (answer.error_code, answer.offset, answer.timestamp, answer.leader_epoch);
        assert_eq!(got, (ErrorCode::NONE, offset, found, epoch), "timestamp {timestamp}");
    }
}

#[tokio::test]
async fn newer_kinds_of_offsets_are_errors_in_older_versions() {
    let (_server, mut client) = five_records().await;
    for (timestamp, first) in [(-3, 7), (-4, 8), (-5, 9), (-6, 11)] {
        let old = list(&mut client, first - 1, timestamp).await;
        assert_eq!(old.error_code, ErrorCode::UNSUPPORTED_VERSION, "timestamp {timestamp}");
        assert_eq!(list(&mut client, first, timestamp).await.error_code, ErrorCode::NONE);
    }
    assert_eq!(list(&mut client, 11, -7).await.error_code, ErrorCode::UNSUPPORTED_VERSION);
}

#[tokio::test]
async fn every_version_is_answered() {
    let (_server, mut client) = five_records().await;
    for version in 1..=11 {
        assert_eq!(list(&mut client, version, -1).await.offset, 5, "version {version}");
    }
}

#[tokio::test]
async fn a_partition_named_twice_is_an_error() {
    let (_server, mut client) = five_records().await;
    let partition = ListOffsetsPartition { timestamp: -1, ..Default::default() };
    let topic = ListOffsetsTopic { name: "t".into(), partitions: vec![partition.clone(), partition] };
    let response = client.call(5, &ListOffsetsRequest { topics: vec![topic], ..Default::default() }).await;
    assert!(response.topics[0].partitions.iter().all(|answer| answer.error_code == ErrorCode::INVALID_REQUEST));
}

#[tokio::test]
async fn the_only_leader_epoch_ends_at_the_high_watermark() {
    let (_server, mut client) = five_records().await;
    for (current, asked, expected) in [
        (-1, 0, (ErrorCode::NONE, 0, 5)),
        (0, 0, (ErrorCode::NONE, 0, 5)),
        (0, 3, (ErrorCode::NONE, -1, -1)),
        (4, 0, (ErrorCode::UNKNOWN_LEADER_EPOCH, -1, -1)),
    ] {
        let partition = OffsetForLeaderPartition { partition: 0, current_leader_epoch: current, leader_epoch: asked };
        let topic = OffsetForLeaderTopic { topic: "t".into(), partitions: vec![partition] };
        for version in 2..=4 {
            let request = OffsetForLeaderEpochRequest { replica_id: -1, topics: vec![topic.clone()] };
            let response = client.call(version, &request).await;
            let end = &response.topics[0].partitions[0];
            assert_eq!((end.error_code, end.leader_epoch, end.end_offset), expected, "{current}/{asked}");
        }
    }
}
