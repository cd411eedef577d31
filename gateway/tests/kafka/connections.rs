//! What closes a connection and what does not; the order of responses.

use alluvium_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use alluvium_wire::messages::describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};
use alluvium_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use alluvium_wire::messages::metadata::{MetadataRequest, MetadataResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::client::{client_id, code};
use crate::producing::{append, response};
use crate::server::Server;

#[tokio::test]
async fn unknown_apis_and_versions_close_the_connection() {
    let server = Server::start().await;
    for (api, version) in [(3, 99), (4, 0), (999, 0), (0, 2), (1, 3), (-1, 0), (24, 0), (3, -1)] {
        let mut client = server.client().await;
        client.send_frame(api, version, 1, &client_id()).await;
        assert!(client.is_closed().await, "api {api} version {version}");
    }
}

#[tokio::test]
async fn impossible_lengths_close_the_connection() {
    let server = Server::start().await;
    for length in [-1, i32::MIN, 0, 7, i32::MAX, (100 << 20) + 1] {
        let mut client = server.client().await;
        client.send_bytes(&length.to_be_bytes()).await;
        assert!(client.is_closed().await, "length {length}");
    }
}

#[tokio::test]
async fn a_malformed_body_closes_its_connection_and_no_other() {
    let server = Server::start().await;
    let mut other = server.client().await;
    for body in [&[][..], &[0xff; 3], &[0x7f; 64], &[0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0]] {
        let mut client = server.client().await;
        client.send_frame(code(ApiKey::Metadata), 1, 1, body).await;
        assert!(client.is_closed().await, "body {body:?}");
    }
    assert_eq!(other.call(0, &ApiVersionsRequest::default()).await.error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn bytes_after_a_request_are_ignored_as_kafka_ignores_them() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    // A request for all topics, and the bytes that librdkafka adds.
    let mut body = client_id();
    body.extend_from_slice(&[0, 0, 0, 0, 0, 1, 0, 0]);
    client.send_frame(code(ApiKey::Metadata), 12, 7, &body).await;
    let (correlation_id, response) = client.receive::<MetadataResponse>(12).await;
    assert_eq!((correlation_id, response.topics.len()), (7, 1));
}

#[tokio::test]
async fn a_truncated_frame_closes_the_connection() {
    let server = Server::start().await;
    for cut in [1, 3, 4, 5, 8, 20] {
        let mut client = server.client().await;
        let mut frame = 1_000_i32.to_be_bytes().to_vec();
        frame.resize(20, 0);
        client.send_bytes(&frame[..cut]).await;
        client.finish().await;
    }
}

#[tokio::test]
async fn a_frame_that_arrives_byte_by_byte_is_answered() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut frame = 14_i32.to_be_bytes().to_vec();
    frame.extend_from_slice(&[0, 18, 0, 0, 0, 0, 0, 9]);
    frame.extend_from_slice(&client_id());
    for byte in frame {
        client.send_bytes(&[byte]).await;
    }
    assert_eq!(client.receive::<ApiVersionsResponse>(0).await.0, 9);
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for _ in 0..20 {
        client.send(0, &ApiVersionsRequest::default()).await;
        client.send(0, &DescribeClusterRequest::default()).await;
    }
    for number in 0..20 {
        assert_eq!(client.receive::<ApiVersionsResponse>(0).await.0, 2 * number + 1);
        assert_eq!(client.receive::<DescribeClusterResponse>(0).await.0, 2 * number + 2);
    }
}

#[tokio::test]
async fn more_requests_than_the_queue_holds_are_all_answered() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for _ in 0..1_500 {
        client.send(0, &ApiVersionsRequest::default()).await;
    }
    for number in 1..=1_500 {
        assert_eq!(client.receive::<ApiVersionsResponse>(0).await.0, number);
    }
}

#[tokio::test]
async fn produce_without_acknowledgement_gets_no_response() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    client.send(8, &append("t", 0, 0, crate::batches::records(3))).await;
    let next = client.send(0, &ApiVersionsRequest::default()).await;
    assert_eq!(client.receive::<ApiVersionsResponse>(0).await.0, next);
    let acknowledged = client.call(8, &append("t", 0, 1, crate::batches::records(1))).await;
    assert_eq!(response(&acknowledged).base_offset, 3);
}

#[tokio::test]
async fn a_failed_produce_without_acknowledgement_closes_the_connection() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send(8, &append("no-such-topic", 0, 0, crate::batches::records(1))).await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn over_the_limit_clients_wait_for_a_connection() {
    let server = Server::configured(|config| config.connections_max = 1).await;
    let mut first = server.client().await;
    first.call(0, &ApiVersionsRequest::default()).await;
    let mut second = server.client().await;
    let correlation_id = second.send(0, &ApiVersionsRequest::default()).await;
    drop(first);
    assert_eq!(second.receive::<ApiVersionsResponse>(0).await.0, correlation_id);
}

#[tokio::test]
async fn a_disconnect_drops_a_long_poll() {
    let server = Server::configured(|config| config.connections_max = 1).await;
    let mut client = server.client().await;
    client.call(4, &MetadataRequest { topics: Some(vec![named("t")]), ..Default::default() }).await;
    let partition = FetchPartition { partition_max_bytes: 1, ..Default::default() };
    let topic = FetchTopic { topic: "t".into(), partitions: vec![partition], ..Default::default() };
    let fetch = FetchRequest { max_wait_ms: 300_000, min_bytes: 1, topics: vec![topic], ..Default::default() };
    client.send(4, &fetch).await;
    drop(client);
    // The only connection is free again, long before the fetch would have ended.
    server.client().await.call(0, &ApiVersionsRequest::default()).await;
}

#[tokio::test]
async fn a_stopping_agent_closes_its_connections() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.call(0, &ApiVersionsRequest::default()).await;
    server.stop.cancel();
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_port_in_use_is_named_in_the_error() {
    let server = Server::start().await;
    let error = alluvium_gateway::kafka::Listener::bind(server.address).await.unwrap_err();
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");
    assert!(matches!(error, alluvium_gateway::kafka::BindError::Taken { .. }));
}

fn named(name: &str) -> alluvium_wire::messages::metadata::MetadataRequestTopic {
    alluvium_wire::messages::metadata::MetadataRequestTopic { name: Some(name.into()), ..Default::default() }
}
