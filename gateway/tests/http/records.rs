//! Reading records.

use serde_json::{Value, json};

use crate::client::{Answer, BINARY, post, request};
use crate::server::Server;

async fn with_numbers(count: usize) -> Server {
    let server = Server::start().await;
    server.topic("orders", 2, &[]).await;
    for number in 0..count {
        let body = json!({"records": [{"value": number}]}).to_string();
        assert_eq!(server.post_json("/topics/orders/partitions/1", &body).await.status, 200);
    }
    server
}

fn values(answer: &Answer) -> Vec<i64> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().as_array().unwrap().iter().map(|record| record["value"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_record_has_its_offset_timestamp_key_value_and_headers() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    let body =
        r#"{"records":[{"key":{"id":7},"value":"x","timestamp":1700000000000,"headers":[{"name":"a","value":"b"}]}]}"#;
    server.post_json("/topics/orders", body).await;
    let answer = server.get("/topics/orders/partitions/0/records").await;
    assert_eq!(
        answer.body,
        concat!(
            r#"[{"topic":"orders","partition":0,"offset":0,"timestamp":1700000000000,"#,
            r#""key":{"id":7},"value":"x","headers":[{"name":"a","value":"b"}]}]"#
        )
    );
    assert_eq!(answer.content_type(), "application/json");
}

#[tokio::test]
async fn reading_starts_at_the_offset_and_ends_at_the_limit_or_the_end() {
    let server = with_numbers(5).await;
    let path = "/topics/orders/partitions/1/records";
    assert_eq!(values(&server.get(path).await), [0, 1, 2, 3, 4]);
    assert_eq!(values(&server.get(&format!("{path}?offset=2&limit=2")).await), [2, 3]);
    assert_eq!(values(&server.get(&format!("{path}?offset=earliest&limit=1")).await), [0]);
    assert!(values(&server.get(&format!("{path}?offset=latest")).await).is_empty());
    assert!(values(&server.get(&format!("{path}?offset=5")).await).is_empty());
    assert!(server.records("orders", 0).await.is_empty());
}

#[tokio::test]
async fn reading_starts_at_the_log_start_if_records_were_deleted() {
    let server = with_numbers(4).await;
    let metadata_cache = server.agent.metadata_cache.topic_by_name("orders").unwrap();
    let agent = &server.agent;
    let partition = metadata_cache.partition(1).unwrap();
    agent.metastore.log.trim(partition, alluvium_model::Offset(3), agent.clock.now()).await.unwrap();
    assert_eq!(values(&server.get("/topics/orders/partitions/1/records").await), [3]);
    let (status, code, message) = server.get("/topics/orders/partitions/1/records?offset=2").await.error();
    assert_eq!((status, code), (404, 40410));
    assert_eq!(message, "offset 2 is out of range: the log starts at 3, and its next record will be 4");
}

#[tokio::test]
async fn an_offset_beyond_the_end_is_out_of_range() {
    let server = with_numbers(1).await;
    let answer = server.get("/topics/orders/partitions/1/records?offset=2").await;
    let message = "offset 2 is out of range: the log starts at 0, and its next record will be 1";
    assert_eq!(answer.error(), (404, 40410, message.into()));
}

#[tokio::test]
async fn formats_write_the_same_bytes_in_their_own_way() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    // `{"a":1}`, `plain`, and bytes that are not UTF-8.
    let body = r#"{"records":[{"key":"eyJhIjoxfQ==","value":"cGxhaW4="},{"value":"/w=="}]}"#;
    assert_eq!(post(server.address, "/topics/orders", BINARY, body).await.status, 200);
    let path = "/topics/orders/partitions/0/records";
    let fields = |answer: Answer| {
        let records = answer.json();
        [records[0]["key"].clone(), records[0]["value"].clone(), records[1]["value"].clone()]
    };
    let wrapped = json!({"base64": "/w=="});
    let as_json = [json!({"a": 1}), json!("plain"), wrapped.clone()];
    assert_eq!(fields(server.get(path).await), as_json);
    assert_eq!(fields(server.get(&format!("{path}?format=json")).await), as_json);
    let as_text = [json!("{\"a\":1}"), json!("plain"), wrapped];
    assert_eq!(fields(server.get(&format!("{path}?format=text")).await), as_text);
    let as_binary = [json!("eyJhIjoxfQ=="), json!("cGxhaW4="), json!("/w==")];
    assert_eq!(fields(server.get(&format!("{path}?format=binary")).await), as_binary);
    let accepted =
        request(server.address, "GET", path, &[("Accept", "text/html, application/vnd.kafka.binary.v2+json")], "");
    let accepted = accepted.await;
    assert_eq!(accepted.content_type(), BINARY);
    assert_eq!(fields(accepted), as_binary);
}

#[tokio::test]
async fn invalid_parameters_are_rejected_with_the_valid_ones() {
    let server = with_numbers(0).await;
    for (query, message) in [
        ("offset=-1", "offset is a number from 0, earliest or latest, not \"-1\""),
        ("offset=x", "offset is a number from 0, earliest or latest, not \"x\""),
        ("offset=99999999999999999999", "offset is a number from 0, earliest or latest, not \"99999999999999999999\""),
        ("limit=0", "limit is a number from 1 to 10000, not \"0\""),
        ("limit=10001", "limit is a number from 1 to 10000, not \"10001\""),
        ("format=avro", "format is one of json, binary and text, not \"avro\""),
    ] {
        let answer = server.get(&format!("/topics/orders/partitions/0/records?{query}")).await;
        assert_eq!(answer.error(), (400, 400, message.into()));
    }
    let (status, _, message) = server.get("/topics/orders/partitions/0/records?ofset=3").await.error();
    assert_eq!(status, 400);
    assert!(message.contains("unknown field `ofset`"), "{message}");
}

#[tokio::test]
async fn unknown_topics_and_partitions_are_not_found_and_not_created() {
    let server = with_numbers(0).await;
    let not_found = server.get("/topics/none/partitions/0/records").await;
    assert_eq!(not_found.error(), (404, 40401, "Topic not found.".into()));
    for partition in ["2", "-1", "x", "99999999999"] {
        let answer = server.get(&format!("/topics/orders/partitions/{partition}/records")).await;
        assert_eq!(answer.error(), (404, 40402, "Partition not found.".into()));
    }
    assert_eq!(server.get("/topics").await.json(), json!(["orders"]));
}

#[tokio::test]
async fn unreadable_records_are_an_error_and_not_an_empty_answer() {
    use alluvium_objects::Operation;
    use alluvium_objects::faults::{Fault, FaultRule};
    // Without caches, every read goes to the store.
    let server = Server::configured(|config| config.cache_bytes = 0).await;
    server.topic("orders", 1, &[]).await;
    assert_eq!(server.post_json("/topics/orders", r#"{"records":[{"value":1}]}"#).await.status, 200);
    server.faults.inject(FaultRule::on(Operation::Get, Fault::Unavailable));
    let (status, code, _) = server.get("/topics/orders/partitions/0/records").await.error();
    assert_eq!((status, code), (500, 50003));
    server.faults.heal();
    let records: Vec<Value> = server.records("orders", 0).await;
    assert_eq!(records.len(), 1);
}
