//! Rejected records: each error and its response, and that nothing is written.

use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use serde_json::json;

use crate::client::{Answer, BINARY, JSON, post, raw, request};
use crate::server::Server;

const ONE: &str = r#"{"records":[{"value":1}]}"#;

#[tokio::test]
async fn without_automatic_creation_an_unknown_topic_is_not_found() {
    let server = Server::configured(|config| config.auto_create_topics = false).await;
    let answer = server.post_json("/topics/none", ONE).await;
    assert_eq!(answer.error(), (404, 40401, "Topic not found.".into()));
    assert_eq!(answer.content_type(), "application/json");
}

#[tokio::test]
async fn a_topic_of_an_illegal_name_is_not_created() {
    let server = Server::start().await;
    let (status, code, message) = server.post_json("/topics/a%20b", ONE).await.error();
    assert_eq!((status, code), (422, 422));
    assert!(message.starts_with("topic name is invalid: "), "{message}");
}

#[tokio::test]
async fn an_unknown_partition_is_not_found_and_nothing_is_written() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    for path in ["/topics/orders/partitions/1", "/topics/orders/partitions/-1", "/topics/orders/partitions/x"] {
        assert_eq!(server.post_json(path, ONE).await.error(), (404, 40402, "Partition not found.".into()));
    }
    for partition in [1, -1] {
        let body = json!({"records": [{"value": 1}, {"value": 2, "partition": partition}]});
        let answer = server.post_json("/topics/orders", &body.to_string()).await;
        assert_eq!(answer.error(), (404, 40402, "Partition not found.".into()));
    }
    assert!(server.records("orders", 0).await.is_empty());
}

#[tokio::test]
async fn a_record_that_contradicts_its_path_is_rejected() {
    let server = Server::start().await;
    server.topic("orders", 2, &[]).await;
    let answer = server.post_json("/topics/orders/partitions/1", r#"{"records":[{"value":1,"partition":0}]}"#).await;
    assert_eq!(answer.error(), (422, 422, "records[0]: partition 0 is not that of the path".into()));
}

#[tokio::test]
async fn a_body_without_valid_records_is_rejected() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    for body in ["", "[", "17", "{\"records\":7}", "{\"records\":[7]}", "{\"records\":[{\"x\":1}]}", "\u{0}", "{}x"] {
        let (status, code, message) = server.post_json("/topics/orders", body).await.error();
        assert_eq!((status, code), (422, 42206), "{body:?}: {message}");
    }
    for body in ["{}", "{\"records\":[]}"] {
        assert_eq!(
            server.post_json("/topics/orders", body).await.error(),
            (422, 422, "records may not be empty".into())
        );
    }
    let answer = post(server.address, "/topics/orders", BINARY, r#"{"records":[{"value":"*"}]}"#).await;
    assert_eq!(answer.error(), (422, 42206, "records[0]: value is not base64".into()));
    let answer = server.post_json("/topics/orders", r#"{"records":[{"value":1,"timestamp":-5}]}"#).await;
    assert_eq!(answer.error(), (422, 42206, "records[0]: timestamp is before 1970".into()));
    assert!(server.records("orders", 0).await.is_empty());
}

#[tokio::test]
async fn another_content_type_is_rejected_with_the_accepted_ones() {
    let server = Server::start().await;
    for content_type in ["application/x-www-form-urlencoded", "application/vnd.kafka.avro.v2+json", "text/plain", ""] {
        let (status, code, message) = post(server.address, "/topics/orders", content_type, ONE).await.error();
        assert_eq!((status, code), (415, 415));
        assert!(message.contains(JSON) && message.contains(BINARY), "{message}");
    }
    assert_eq!(request(server.address, "POST", "/topics/orders", &[], ONE).await.status, 415);
}

#[tokio::test]
async fn a_body_over_the_limit_is_rejected_before_it_is_read() {
    let server = Server::start().await;
    let head = format!("POST /topics/orders HTTP/1.1\r\nHost: t\r\nContent-Type: {JSON}\r\nContent-Length: ");
    for length in ["16777217", "9223372036854775807"] {
        let answer = Answer::parse(&raw(server.address, format!("{head}{length}\r\n\r\n").as_bytes()).await);
        assert_eq!(answer.error(), (413, 413, "a body has at most 16777216 bytes".into()));
    }
}

#[tokio::test]
async fn a_chunked_body_is_rejected_when_it_exceeds_the_limit() {
    let server = Server::start().await;
    let mut bytes = format!(
        "POST /topics/orders HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: {JSON}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(b"1000001\r\n");
    bytes.resize(bytes.len() + 0x0100_0001, b' ');
    bytes.extend_from_slice(b"\r\n0\r\n\r\n");
    let answer = Answer::parse(&raw(server.address, &bytes).await);
    assert_eq!(answer.error(), (413, 413, "a body has at most 16777216 bytes".into()));
}

#[tokio::test]
async fn a_record_over_the_topics_limit_is_named_and_nothing_is_written() {
    let server = Server::start().await;
    server.topic("orders", 1, &[("max.message.bytes", "1000")]).await;
    let body = json!({"records": [{"value": "x"}, {"value": "y".repeat(1_000)}]});
    let (status, code, message) = server.post_json("/topics/orders", &body.to_string()).await.error();
    assert_eq!((status, code), (413, 413));
    assert!(message.starts_with("records[1]: record batch of "), "{message}");
    assert!(server.records("orders", 0).await.is_empty());
}

#[tokio::test]
async fn a_timestamp_too_far_in_the_future_is_rejected() {
    let server = Server::start().await;
    server.topic("orders", 1, &[("message.timestamp.after.max.ms", "1000")]).await;
    let future = server.agent.clock.now().0 + 1_000_000;
    let body = json!({"records": [{"value": 1}, {"value": 2, "timestamp": future}]});
    let answer = server.post_json("/topics/orders", &body.to_string()).await;
    assert_eq!(answer.error(), (422, 422, format!("records[1]: timestamp {future} is out of range")));
    assert!(server.records("orders", 0).await.is_empty());
}

#[tokio::test]
async fn a_compacted_topic_requires_keys() {
    let server = Server::start().await;
    server.topic("orders", 1, &[("cleanup.policy", "compact")]).await;
    let answer = server.post_json("/topics/orders", r#"{"records":[{"key":1,"value":1},{"value":2}]}"#).await;
    let message = "records[1]: compacted topic cannot accept message without key";
    assert_eq!(answer.error(), (422, 422, message.into()));
}

#[tokio::test]
async fn a_failing_object_store_is_a_retriable_error() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    server.faults.inject(FaultRule::on(Operation::Put, Fault::Unavailable));
    let (status, code, message) = server.post_json("/topics/orders", ONE).await.error();
    assert_eq!((status, code), (500, 50003));
    assert!(message.starts_with("segment upload failed: "), "{message}");
    server.faults.heal();
    assert_eq!(server.post_json("/topics/orders", ONE).await.status, 200);
}

#[tokio::test]
async fn a_draining_agent_rejects_records() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    server.agent.produce.admission().close();
    let answer = server.post_json("/topics/orders", ONE).await;
    assert_eq!(answer.error(), (503, 50302, "agent is draining".into()));
}
