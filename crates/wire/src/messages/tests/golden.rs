//! Bytes written by hand from the protocol's description, in place of bytes from peers. Never edit them.

use bytes::Bytes;
use uuid::Uuid;

use super::{decode, encode};
use crate::codec::RecordsField;
use crate::error_code::ErrorCode;
use crate::messages::describe_log_dirs::{DescribeLogDirsResponse, DescribeLogDirsResult};
use crate::messages::describe_topic_partitions::{Cursor, DescribeTopicPartitionsRequest};
use crate::messages::fetch::{FetchPartition, FetchResponse, FetchableTopicResponse, PartitionData};
use crate::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use crate::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use crate::messages::offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use crate::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use crate::messages::produce::{
    LeaderIdAndEpoch, PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceData, TopicProduceResponse,
};
use crate::{Message, Writer};

const TOPIC_ID: Uuid = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
const TOPIC_ID_HEX: &str = "00112233445566778899aabbccddeeff";

/// Bytes from hexadecimal digits; spaces separate fields, `|` structs.
pub(super) fn hex(digits: &str) -> Bytes {
    let digits: Vec<u8> = digits.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[track_caller]
fn assert_golden<M: Message + PartialEq + std::fmt::Debug>(message: &M, version: i16, digits: &str) {
    assert_eq!(encode(message, version), hex(digits));
    assert_eq!(decode::<M>(hex(digits), version).as_ref(), Ok(message));
}

#[test]
fn metadata_request_distinguishes_all_topics_from_none() {
    let all = MetadataRequest { topics: None, ..MetadataRequest::default() };
    let none = MetadataRequest::default();
    assert_golden(&none, 0, "00000000");
    assert_golden(&all, 1, "ffffffff");
    assert_golden(&none, 1, "00000000");
    assert_golden(&all, 9, "00 01 00 00 00");
    assert_golden(&none, 9, "01 01 00 00 00");
}

#[test]
fn metadata_request_by_id_has_no_name() {
    let topic = MetadataRequestTopic { topic_id: TOPIC_ID, name: None };
    let request = MetadataRequest { topics: Some(vec![topic]), ..MetadataRequest::default() };
    assert_golden(&request, 12, &format!("02 | {TOPIC_ID_HEX} 00 00 | 01 00 00"));
}

#[test]
fn produce_request_keeps_records_as_bytes() {
    let partition_data = vec![
        PartitionProduceData { index: 0, records: Some(Bytes::from_static(b"abc")) },
        PartitionProduceData { index: 1, records: None },
    ];
    let topic = TopicProduceData { name: "t".to_owned(), partition_data, ..TopicProduceData::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], transactional_id: None };
    assert_golden(
        &request,
        3,
        "ffff ffff 00007530 00000001 | 0001 74 00000002 | 00000000 00000003 616263 | 00000001 ffffffff",
    );
    assert_golden(&request, 9, "00 ffff 00007530 02 | 02 74 03 | 00000000 04 616263 00 | 00000001 00 00 | 00 | 00");
}

#[test]
fn records_are_a_slice_of_the_frame() {
    let mut frame = hex("ffff ffff 00007530 00000001 | 0001 74 00000001 | 00000000 00000800").to_vec();
    frame.resize(frame.len() + 2048, 7);
    let frame = Bytes::from(frame);
    let request: ProduceRequest = decode(frame.clone(), 3).unwrap();
    let records = request.topic_data[0].partition_data[0].records.as_ref().unwrap();
    assert_eq!(records.as_ptr(), frame[frame.len() - 2048..].as_ptr());
}

#[test]
fn produce_response_tags_the_leader_only_if_it_is_known() {
    let mut partition = PartitionProduceResponse {
        index: 2,
        base_offset: 5,
        log_start_offset: 0,
        error_message: None,
        ..PartitionProduceResponse::default()
    };
    let response = |partition: &PartitionProduceResponse| ProduceResponse {
        responses: vec![TopicProduceResponse {
            topic_id: TOPIC_ID,
            partition_responses: vec![partition.clone()],
            ..TopicProduceResponse::default()
        }],
        ..ProduceResponse::default()
    };
    let unled = "00000002 0000 0000000000000005 ffffffffffffffff 0000000000000000 01 00";
    assert_golden(&response(&partition), 13, &format!("02 | {TOPIC_ID_HEX} 02 | {unled} 00 | 00 | 00000000 00"));
    partition.current_leader = LeaderIdAndEpoch { leader_id: 1, leader_epoch: 0 };
    let tagged = "01 00 09 00000001 00000000 00";
    assert_golden(&response(&partition), 13, &format!("02 | {TOPIC_ID_HEX} 02 | {unled} {tagged} | 00 | 00000000 00"));
}

#[test]
fn fetch_response_passes_record_parts_by_reference() {
    let header = Bytes::from(vec![1; 61]);
    let body = Bytes::from(vec![2; 5000]);
    let partition = PartitionData {
        high_watermark: 9,
        last_stable_offset: 9,
        log_start_offset: 0,
        aborted_transactions: None,
        records: Some(RecordsField::new(vec![header.clone(), body.clone()])),
        ..PartitionData::default()
    };
    let topic = FetchableTopicResponse { topic_id: TOPIC_ID, partitions: vec![partition], ..Default::default() };
    let response = FetchResponse { responses: vec![topic], ..FetchResponse::default() };
    let mut writer = Writer::new();
    response.encode(&mut writer, 13).unwrap();
    let parts = writer.into_parts();
    let before = format!(
        "00000000 0000 00000000 02 | {TOPIC_ID_HEX} 02 | 00000000 0000 0000000000000009 0000000000000009 \
         0000000000000000 00 ffffffff c627 {}",
        "01".repeat(61)
    );
    assert_eq!(parts, [hex(&before), body.clone(), hex("00 | 00 | 00")]);
    assert_eq!(parts[1].as_ptr(), body.as_ptr());
}

#[test]
fn fetch_partition_leaves_out_the_high_watermark_that_consumers_do_not_send() {
    assert_eq!(FetchPartition::default().high_watermark, i64::MAX);
}

#[test]
fn unknown_tagged_fields_are_skipped() {
    let known: MetadataRequest = decode(hex("00 01 00 00 00"), 9).unwrap();
    let from_the_future: MetadataRequest = decode(hex("00 01 00 00 | 02 05 02 abcd 09 00"), 9).unwrap();
    assert_eq!(known, from_the_future);
}

#[test]
fn cursor_has_a_null_marker() {
    let first = DescribeTopicPartitionsRequest::default();
    assert_golden(&first, 0, "01 000007d0 ff 00");
    let cursor = Some(Cursor { topic_name: "t".to_owned(), partition_index: 3 });
    let next = DescribeTopicPartitionsRequest { cursor, ..first };
    assert_golden(&next, 0, "01 000007d0 01 | 02 74 00000003 00 | 00");
}

// The versions that the independent codec does not have.

#[test]
fn list_offsets_11_is_laid_out_like_10() {
    let partition = ListOffsetsPartition { partition_index: 1, timestamp: -6, ..Default::default() };
    let topic = ListOffsetsTopic { name: "t".to_owned(), partitions: vec![partition] };
    let request = ListOffsetsRequest { replica_id: -1, isolation_level: 1, topics: vec![topic], timeout_ms: 500 };
    let bytes = "ffffffff 01 02 | 02 74 02 | 00000001 ffffffff fffffffffffffffa 00 | 00 | 000001f4 00";
    assert_golden(&request, 10, bytes);
    assert_golden(&request, 11, bytes);
}

#[test]
fn describe_log_dirs_5_shows_whether_a_directory_is_cordoned() {
    let result = DescribeLogDirsResult { log_dir: "d".to_owned(), is_cordoned: true, ..Default::default() };
    let response = DescribeLogDirsResponse { error_code: ErrorCode::NONE, results: vec![result], ..Default::default() };
    assert_golden(&response, 5, "00000000 0000 02 | 0000 02 64 01 ffffffffffffffff ffffffffffffffff 01 00 | 00");
}

#[test]
fn offset_commit_10_names_topics_by_id() {
    let partition = OffsetCommitRequestPartition { partition_index: 1, committed_offset: 7, ..Default::default() };
    let topic = OffsetCommitRequestTopic { topic_id: TOPIC_ID, partitions: vec![partition], ..Default::default() };
    let request = OffsetCommitRequest { group_id: "g".to_owned(), topics: vec![topic], ..Default::default() };
    assert_golden(
        &request,
        10,
        &format!("02 67 ffffffff 01 00 02 | {TOPIC_ID_HEX} 02 | 00000001 0000000000000007 ffffffff 01 00 | 00 | 00"),
    );
}

#[test]
fn offset_fetch_10_names_topics_by_id() {
    let topic = OffsetFetchRequestTopics { topic_id: TOPIC_ID, partition_indexes: vec![1], ..Default::default() };
    let group = OffsetFetchRequestGroup {
        group_id: "g".to_owned(),
        topics: Some(vec![topic]),
        ..OffsetFetchRequestGroup::default()
    };
    let request = OffsetFetchRequest { groups: vec![group], require_stable: true, ..Default::default() };
    assert_golden(&request, 10, &format!("02 | 02 67 00 ffffffff 02 | {TOPIC_ID_HEX} 02 00000001 00 | 00 | 01 00"));
}
