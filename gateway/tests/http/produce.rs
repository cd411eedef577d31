//! Records that are accepted.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::client::{BINARY, post};
use crate::server::Server;

fn offsets(answer: &Value) -> Vec<(i64, i64)> {
    let offsets = answer["offsets"].as_array().unwrap();
    offsets.iter().map(|place| (place["partition"].as_i64().unwrap(), place["offset"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn json_records_are_answered_with_their_offsets_and_read_as_they_were() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    let body = r#"{"records":[{"key":"a","value":{"b": 1.10, "a": [12345678901234567890123]}},{"value":null}]}"#;
    let answer = server.post_json("/topics/orders", body).await;
    assert_eq!((answer.status, answer.content_type()), (200, "application/vnd.kafka.v2+json"));
    let place = |offset| json!({"partition": 0, "offset": offset, "error_code": null, "error": null});
    let expected = json!({"offsets": [place(0), place(1)], "key_schema_id": null, "value_schema_id": null});
    assert_eq!(answer.json(), expected);
    let read = server.get("/topics/orders/partitions/0/records").await;
    // Digits and the order of names are those of the producer.
    assert!(
        read.body.contains(r#""key":"a","value":{"b":1.10,"a":[12345678901234567890123]},"headers":[]"#),
        "{read:?}"
    );
    assert_eq!(read.json()[1]["key"], Value::Null);
    assert_eq!(read.json()[1]["value"], Value::Null);
}

#[tokio::test]
async fn binary_records_are_decoded_from_base64() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    let body = r#"{"records":[{"key":"/wA=","value":"aGVsbG8=","headers":[{"name":"h","value":"/w=="}]}]}"#;
    let answer = post(server.address, "/topics/orders", BINARY, body).await;
    assert_eq!(offsets(&answer.json()), [(0, 0)]);
    let records = server.get("/topics/orders/partitions/0/records?format=binary").await.json();
    assert_eq!((&records[0]["key"], &records[0]["value"]), (&json!("/wA="), &json!("aGVsbG8=")));
    assert_eq!(records[0]["headers"], json!([{"name": "h", "value": "/w=="}]));
}

#[tokio::test]
async fn timestamps_and_headers_are_kept() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    let body = r#"{"records":[{"value":1,"timestamp":1700000000123,
        "headers":[{"name":"trace","value":"x"},{"name":"trace","value":null}]},{"value":2}]}"#;
    let before = server.agent.clock.now().0;
    assert_eq!(server.post_json("/topics/orders", body).await.status, 200);
    let records = server.records("orders", 0).await;
    assert_eq!(records[0]["timestamp"], json!(1_700_000_000_123_i64));
    assert_eq!(records[0]["headers"], json!([{"name": "trace", "value": "x"}, {"name": "trace", "value": null}]));
    assert!(records[1]["timestamp"].as_i64().unwrap() >= before);
}

#[tokio::test]
async fn a_topic_with_log_append_time_stamps_records_from_http() {
    let server = Server::start().await;
    server.topic("orders", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let before = server.agent.clock.now().0;
    let answer = server.post_json("/topics/orders", r#"{"records":[{"value":1,"timestamp":7}]}"#).await;
    assert_eq!(answer.status, 200);
    assert!(server.records("orders", 0).await[0]["timestamp"].as_i64().unwrap() >= before);
}

#[tokio::test]
async fn a_key_has_the_partition_that_kafkas_clients_give_it() {
    let server = Server::start().await;
    server.topic("orders", 10, &[]).await;
    // Under `binary` the key is the bytes themselves: murmur2 of "foobar" is -790332482, without its sign 1357151166.
    let body = r#"{"records":[{"key":"Zm9vYmFy","value":null}]}"#;
    let answer = post(server.address, "/topics/orders", BINARY, body).await;
    assert_eq!(offsets(&answer.json())[0].0, 1_357_151_166 % 10);
}

#[tokio::test]
async fn records_without_a_key_go_to_one_partition_per_request_and_to_others_over_time() {
    let server = Server::start().await;
    server.topic("orders", 8, &[]).await;
    let mut seen = HashSet::new();
    for _ in 0..32 {
        let answer = server.post_json("/topics/orders", r#"{"records":[{"value":1},{"value":2},{"value":3}]}"#).await;
        let partitions: HashSet<i64> = offsets(&answer.json()).into_iter().map(|(partition, _)| partition).collect();
        assert_eq!(partitions.len(), 1);
        seen.extend(partitions);
    }
    assert!(seen.len() > 1);
}

#[tokio::test]
async fn records_go_to_the_partition_that_they_or_the_path_name() {
    let server = Server::start().await;
    server.topic("orders", 4, &[]).await;
    let body = r#"{"records":[{"value":1,"partition":3},{"value":2,"partition":0},{"value":3,"partition":3}]}"#;
    let answer = server.post_json("/topics/orders", body).await;
    assert_eq!(offsets(&answer.json()), [(3, 0), (0, 0), (3, 1)]);
    let answer = server.post_json("/topics/orders/partitions/2", r#"{"records":[{"key":"a","value":4}]}"#).await;
    assert_eq!(offsets(&answer.json()), [(2, 0)]);
}

#[tokio::test]
async fn many_records_become_batches_within_the_topics_limit_in_order() {
    let server = Server::start().await;
    server.topic("orders", 1, &[("max.message.bytes", "1000")]).await;
    let records: Vec<Value> = (0..100).map(|n| json!({"value": format!("{n:0200}")})).collect();
    let answer = server.post_json("/topics/orders", &json!({"records": records}).to_string()).await;
    assert_eq!(offsets(&answer.json()), (0..100).map(|offset| (0, offset)).collect::<Vec<_>>());
    for (n, record) in (0..).zip(server.records("orders", 0).await) {
        assert_eq!(record["value"], json!(format!("{n:0200}")));
    }
}

#[tokio::test]
async fn plain_json_is_accepted_with_any_parameters() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/VND.kafka.json.v2+json"] {
        let answer = post(server.address, "/topics/orders", content_type, r#"{"records":[{"value":1}]}"#).await;
        assert_eq!(answer.status, 200, "{content_type}: {answer:?}");
    }
}

#[tokio::test]
async fn an_unknown_topic_is_created_as_kafka_does() {
    let server = Server::configured(|config| config.num_partitions = 3).await;
    let answer = server.post_json("/topics/fresh", r#"{"records":[{"value":1}]}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(server.get("/topics/fresh/partitions").await.json().as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_request_may_have_very_many_records() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    let body = format!("{{\"records\":[{}]}}", vec!["{}"; 20_000].join(","));
    let answer = server.post_json("/topics/orders", &body).await;
    assert_eq!(offsets(&answer.json()).last(), Some(&(0, 19_999)));
}
