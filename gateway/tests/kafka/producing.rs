//! Produce, as Kafka answers it.

use std::time::Duration;

use alluvium_wire::ErrorCode;
use alluvium_wire::batch::{Attributes, BatchBuilder, Compression};
use alluvium_wire::messages::init_producer_id::InitProducerIdRequest;
use alluvium_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use bytes::Bytes;

use crate::batches::{altered, filled, flipped, now, records, sequenced, with_timestamps};
use crate::server::Server;

/// A request with one batch for one partition.
pub fn append(topic: &str, partition: i32, acks: i16, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData { index: partition, records: Some(records) };
    let topic = TopicProduceData { name: topic.into(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() }
}

/// The response for the only partition.
pub fn response(response: &ProduceResponse) -> &PartitionProduceResponse {
    &response.responses[0].partition_responses[0]
}

async fn answer(version: i16, request: ProduceRequest) -> PartitionProduceResponse {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let answered = server.client().await.call(version, &request).await;
    response(&answered).clone()
}

async fn code(version: i16, records: Bytes) -> ErrorCode {
    answer(version, append("t", 0, 1, records)).await.error_code
}

#[tokio::test]
async fn a_valid_batch_gets_the_next_offset() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    for base in [0, 3, 6] {
        let answered = client.call(8, &append("t", 0, 1, records(3))).await;
        let expected = PartitionProduceResponse { base_offset: base, log_start_offset: 0, ..Default::default() };
        assert_eq!(response(&answered), &expected);
    }
}

#[tokio::test]
async fn every_version_is_answered() {
    let server = Server::start().await;
    let id = server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    for version in 3..=13 {
        let mut request = append("t", 0, -1, records(1));
        request.topic_data[0].topic_id = id;
        let answered = client.call(version, &request).await;
        assert_eq!(response(&answered).error_code, ErrorCode::NONE, "version {version}");
        assert_eq!(response(&answered).base_offset, i64::from(version) - 3);
    }
}

#[tokio::test]
async fn broken_batches_get_kafkas_codes() {
    let sound = records(2);
    let two: Bytes = [records(1), records(1)].concat().into();
    let builder = || BatchBuilder::new(Compression::None, 0);
    let codec_7 = altered(&sound, |header| header.attributes = Attributes(7));
    let cases = [
        ("crc", flipped(&sound, sound.len() - 1), ErrorCode::CORRUPT_MESSAGE),
        ("two batches", two, ErrorCode::INVALID_RECORD),
        ("magic 1", altered(&sound, |header| header.magic = 1), ErrorCode::INVALID_RECORD),
        ("count", altered(&sound, |header| header.record_count = 1), ErrorCode::INVALID_RECORD),
        ("delta", altered(&sound, |header| header.last_offset_delta = 5), ErrorCode::INVALID_RECORD),
        ("control", filled(builder().control(), &[now()]), ErrorCode::INVALID_RECORD),
        ("empty", Bytes::new(), ErrorCode::INVALID_RECORD),
        ("codec 7", codec_7, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE),
        ("no sequence", sequenced(5, 0, -1, 1), ErrorCode::INVALID_RECORD),
        (
            "transactional",
            filled(builder().transactional(), &[now()]),
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        ),
        ("log append time", filled(builder().log_append_time(now()), &[now()]), ErrorCode::NONE),
        ("unknown producer", sequenced(4_000, 0, 5, 1), ErrorCode::NONE),
    ];
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    for (case, batch, expected) in cases {
        let answered = client.call(8, &append("t", 0, 1, batch)).await;
        assert_eq!(response(&answered).error_code, expected, "{case}");
        if expected != ErrorCode::NONE {
            assert_eq!((response(&answered).base_offset, response(&answered).log_start_offset), (-1, -1), "{case}");
        }
    }
}

#[tokio::test]
async fn zstd_needs_version_7() {
    let batch = filled(BatchBuilder::new(Compression::Zstd, 0), &[now()]);
    assert_eq!(code(5, batch.clone()).await, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
    assert_eq!(code(7, batch).await, ErrorCode::NONE);
}

#[tokio::test]
async fn timestamps_in_the_future_are_reported_per_record() {
    let answered = answer(8, append("t", 0, 1, with_timestamps(&[now() + 2 * 3_600_000]))).await;
    assert_eq!(answered.error_code, ErrorCode::INVALID_TIMESTAMP);
    assert_eq!(answered.record_errors[0].batch_index, 0);
    assert_eq!(
        answered.error_message.as_deref(),
        Some("One or more records have been rejected due to invalid timestamp")
    );
}

#[tokio::test]
async fn unknown_acks_are_an_error() {
    assert_eq!(answer(8, append("t", 0, 2, records(1))).await.error_code, ErrorCode::INVALID_REQUIRED_ACKS);
}

#[tokio::test]
async fn unknown_partitions_are_errors() {
    for (topic, partition) in [("no", 0), ("t", 1), ("t", -1), ("", 0)] {
        let answered = answer(8, append(topic, partition, 1, records(1))).await;
        assert_eq!(answered.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "{topic}-{partition}");
    }
    assert_eq!(answer(13, append("t", 0, 1, records(1))).await.error_code, ErrorCode::UNKNOWN_TOPIC_ID);
}

#[tokio::test]
async fn a_batch_over_the_topics_limit_is_rejected() {
    let server = Server::start().await;
    server.topic("small", 1, &[("max.message.bytes", "100")]).await;
    let mut client = server.client().await;
    let answered = client.call(8, &append("small", 0, 1, records(10))).await;
    assert_eq!(response(&answered).error_code, ErrorCode::MESSAGE_TOO_LARGE);
    let answered = client.call(8, &append("small", 0, 1, records(1))).await;
    assert_eq!(response(&answered).error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn records_of_a_compacted_topic_need_keys() {
    let server = Server::start().await;
    server.topic("compacted", 1, &[("cleanup.policy", "compact")]).await;
    let mut builder = BatchBuilder::new(Compression::None, 0);
    builder.push(0, now(), Some(b"k"), None, []).unwrap();
    builder.push(1, now(), None, Some(b"v"), []).unwrap();
    let answered = server.client().await.call(8, &append("compacted", 0, 1, builder.finish())).await;
    assert_eq!(response(&answered).error_code, ErrorCode::INVALID_RECORD);
    assert_eq!(response(&answered).record_errors[0].batch_index, 1);
}

#[tokio::test]
async fn a_topic_may_use_log_append_time() {
    let server = Server::start().await;
    server.topic("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let before = now();
    let answered = server.client().await.call(8, &append("stamped", 0, 1, with_timestamps(&[5]))).await;
    assert!((before..=now()).contains(&response(&answered).log_append_time_ms), "{answered:?}");
}

#[tokio::test]
async fn a_duplicate_batch_gets_its_original_offset() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let id = client.call(4, &InitProducerIdRequest { transactional_id: None, ..Default::default() }).await;
    let id = id.producer_id;
    let mut sent = async |batch| response(&client.call(8, &append("t", 0, -1, batch)).await).clone();
    assert_eq!(sent(sequenced(id, 0, 0, 2)).await.base_offset, 0);
    assert_eq!(sent(sequenced(id, 0, 2, 2)).await.base_offset, 2);
    assert_eq!(sent(sequenced(id, 0, 0, 2)).await.base_offset, 0);
    assert_eq!(sent(sequenced(id, 0, 6, 1)).await.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(sent(sequenced(id, 1, 0, 1)).await.base_offset, 4);
    assert_eq!(sent(sequenced(id, 0, 4, 1)).await.error_code, ErrorCode::INVALID_PRODUCER_EPOCH);
}

#[tokio::test]
async fn pipelined_batches_are_appended_in_order() {
    let server = Server::configured(|config| config.linger = Duration::from_millis(1)).await;
    server.topic("t", 2, &[]).await;
    let mut client = server.client().await;
    for number in 0..300 {
        client.send(8, &append("t", number % 2, -1, sequenced(9, 0, number / 2, 1))).await;
    }
    for number in 0..300 {
        let (_, answered) = client.receive::<ProduceResponse>(8).await;
        assert_eq!(response(&answered).error_code, ErrorCode::NONE, "batch {number}");
        assert_eq!(response(&answered).base_offset, i64::from(number / 2));
    }
}

#[tokio::test]
async fn one_broken_partition_does_not_affect_the_others() {
    let server = Server::start().await;
    server.topic("t", 3, &[]).await;
    let mut request = append("t", 0, -1, records(1));
    let data = |index, records| PartitionProduceData { index, records: Some(records) };
    request.topic_data[0].partition_data.extend([data(7, records(1)), data(1, Bytes::new()), data(2, records(2))]);
    let answered = server.client().await.call(9, &request).await;
    let codes: Vec<_> = answered.responses[0].partition_responses.iter().map(|answer| answer.error_code).collect();
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(codes, [ErrorCode::NONE, unknown, ErrorCode::INVALID_RECORD, ErrorCode::NONE]);
}

#[tokio::test]
async fn over_the_memory_limit_producers_wait_and_none_is_rejected() {
    let server = Server::configured(|config| config.unflushed_bytes_max = 2_048).await;
    server.topic("t", 1, &[]).await;
    let mut clients = vec![server.client().await, server.client().await, server.client().await];
    for _ in 0..20 {
        for client in &mut clients {
            client.send(8, &append("t", 0, -1, records(30))).await;
        }
    }
    for client in &mut clients {
        for _ in 0..20 {
            let (_, answered) = client.receive::<ProduceResponse>(8).await;
            assert_eq!(response(&answered).error_code, ErrorCode::NONE);
        }
    }
}
