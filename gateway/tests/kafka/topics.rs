//! Creating, growing, trimming and deleting topics, as Kafka answers it.

use alluvium_wire::ErrorCode;
use alluvium_wire::messages::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
};
use alluvium_wire::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicResult, CreateTopicsRequest,
};
use alluvium_wire::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use alluvium_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use uuid::Uuid;

use crate::batches::records;
use crate::client::Client;
use crate::producing::append;
use crate::server::Server;

fn topic(name: &str) -> CreatableTopic {
    CreatableTopic { name: name.into(), num_partitions: -1, replication_factor: -1, ..Default::default() }
}

async fn create(client: &mut Client, topics: Vec<CreatableTopic>) -> Vec<CreatableTopicResult> {
    client.call(7, &CreateTopicsRequest { topics, ..Default::default() }).await.topics
}

async fn error_code_of(client: &mut Client, topic: CreatableTopic) -> ErrorCode {
    create(client, vec![topic]).await[0].error_code
}

#[tokio::test]
async fn the_response_describes_the_created_topic() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let config = CreatableTopicConfig { name: "retention.ms".into(), value: Some("5000".into()) };
    let asked = CreatableTopic { num_partitions: 4, replication_factor: 3, configs: vec![config], ..topic("t") };
    let made = create(&mut client, vec![asked]).await.remove(0);
    assert_eq!((made.error_code, made.num_partitions, made.replication_factor), (ErrorCode::NONE, 4, 3));
    assert!(!made.topic_id.is_nil());
    let configs = made.configs.unwrap();
    assert_eq!(configs.len(), 33);
    let retention = configs.iter().find(|config| config.name == "retention.ms").unwrap();
    assert_eq!((retention.value.as_deref(), retention.config_source), (Some("5000"), 1));
    let policy = configs.iter().find(|config| config.name == "cleanup.policy").unwrap();
    assert_eq!((policy.value.as_deref(), policy.config_source), (Some("delete"), 5));
}

#[tokio::test]
async fn every_version_creates_and_deletes() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for version in 2..=7 {
        let asked = CreatableTopic { num_partitions: 1, replication_factor: 1, ..topic("t") };
        let response = client.call(version, &CreateTopicsRequest { topics: vec![asked], ..Default::default() }).await;
        assert_eq!(response.topics[0].error_code, ErrorCode::NONE, "version {version}");
        let state = DeleteTopicState { name: Some("t".into()), ..Default::default() };
        let delete = DeleteTopicsRequest { topics: vec![state], topic_names: vec!["t".into()], timeout_ms: 1_000 };
        let response = client.call(version - 1, &delete).await;
        assert_eq!(response.responses[0].error_code, ErrorCode::NONE, "version {}", version - 1);
    }
}

#[tokio::test]
async fn invalid_topics_get_kafkas_codes() {
    let server = Server::start().await;
    server.topic("here.already", 1, &[]).await;
    let mut client = server.client().await;
    let config = |name: &str, value: Option<&str>| CreatableTopic {
        configs: vec![CreatableTopicConfig { name: name.into(), value: value.map(Into::into) }],
        ..topic("t")
    };
    let assigned = |assignments: &[(i32, &[i32])]| CreatableTopic {
        assignments: assignments
            .iter()
            .map(|(index, brokers)| CreatableReplicaAssignment {
                partition_index: *index,
                broker_ids: brokers.to_vec(),
            })
            .collect(),
        ..topic("t")
    };
    let cases = [
        (topic("here.already"), ErrorCode::TOPIC_ALREADY_EXISTS),
        (topic("here_already"), ErrorCode::INVALID_TOPIC_EXCEPTION),
        (topic("a b"), ErrorCode::INVALID_TOPIC_EXCEPTION),
        (topic(""), ErrorCode::INVALID_TOPIC_EXCEPTION),
        (CreatableTopic { num_partitions: 0, ..topic("t") }, ErrorCode::INVALID_PARTITIONS),
        (CreatableTopic { num_partitions: -2, ..topic("t") }, ErrorCode::INVALID_PARTITIONS),
        (CreatableTopic { num_partitions: i32::MAX, ..topic("t") }, ErrorCode::POLICY_VIOLATION),
        (CreatableTopic { replication_factor: 0, ..topic("t") }, ErrorCode::INVALID_REPLICATION_FACTOR),
        (config("retention.ms", Some("soon")), ErrorCode::INVALID_CONFIG),
        (config("no.such.config", Some("1")), ErrorCode::INVALID_CONFIG),
        (config("retention.ms", None), ErrorCode::INVALID_CONFIG),
        (assigned(&[(0, &[0]), (2, &[0])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (assigned(&[(0, &[0]), (1, &[0, 1])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (CreatableTopic { num_partitions: 2, ..assigned(&[(0, &[0])]) }, ErrorCode::INVALID_REQUEST),
    ];
    for (asked, expected) in cases {
        assert_eq!(error_code_of(&mut client, asked.clone()).await, expected, "{asked:?}");
    }
    let twice = create(&mut client, vec![topic("twice"), topic("once"), topic("twice")]).await;
    let codes: Vec<_> = twice.iter().map(|made| (made.name.as_str(), made.error_code)).collect();
    assert_eq!(codes, [("twice", ErrorCode::INVALID_REQUEST), ("once", ErrorCode::NONE)]);
}

#[tokio::test]
async fn assignments_give_the_number_of_partitions() {
    let server = Server::start().await;
    let assignments = (0..3).map(|index| CreatableReplicaAssignment { partition_index: index, broker_ids: vec![0, 1] });
    let asked = CreatableTopic { assignments: assignments.collect(), ..topic("t") };
    let made = create(&mut server.client().await, vec![asked]).await.remove(0);
    assert_eq!((made.error_code, made.num_partitions, made.replication_factor), (ErrorCode::NONE, 3, 2));
}

#[tokio::test]
async fn one_request_creates_no_more_than_ten_thousand_partitions() {
    let server = Server::start().await;
    let asked = |name: &str| CreatableTopic { num_partitions: 6_000, ..topic(name) };
    let request =
        CreateTopicsRequest { topics: vec![asked("a"), asked("b")], validate_only: true, ..Default::default() };
    let response = server.client().await.call(7, &request).await;
    let codes: Vec<_> = response.topics.iter().map(|made| made.error_code).collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::POLICY_VIOLATION]);
}

#[tokio::test]
async fn a_topic_that_is_only_validated_is_not_created() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let request = CreateTopicsRequest { topics: vec![topic("t")], validate_only: true, ..Default::default() };
    assert_eq!(client.call(7, &request).await.topics[0].error_code, ErrorCode::NONE);
    assert!(server.agent.metadata_cache.topic_by_name("t").is_none());
}

#[tokio::test]
async fn topics_are_deleted_by_name_or_by_id_but_not_both() {
    let server = Server::start().await;
    let (a, b) = (server.topic("a", 1, &[]).await, server.topic("b", 1, &[]).await);
    let mut client = server.client().await;
    let state = |name: Option<&str>, topic_id| DeleteTopicState { name: name.map(Into::into), topic_id };
    let topics = vec![
        state(Some("a"), Uuid::nil()),
        state(None, a),
        state(Some("b"), b),
        state(None, b),
        state(None, Uuid::nil()),
        state(Some("no"), Uuid::nil()),
        state(None, Uuid::from_u128(9)),
    ];
    let response = client.call(6, &DeleteTopicsRequest { topics, ..Default::default() }).await;
    let codes: Vec<_> = response.responses.iter().map(|deleted| deleted.error_code).collect();
    assert_eq!(
        codes,
        [
            ErrorCode::INVALID_REQUEST,
            ErrorCode::INVALID_REQUEST,
            ErrorCode::NONE,
            ErrorCode::INVALID_REQUEST,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            ErrorCode::UNKNOWN_TOPIC_ID,
        ],
        "what is named by name and by id is named twice, and stays"
    );
    assert!(server.agent.metadata_cache.topic_by_name("a").is_some());
    assert_eq!(response.responses[2].name.as_deref(), Some("b"));
}

#[tokio::test]
async fn deletion_can_be_disabled() {
    let server = Server::configured(|config| config.delete_topic_enable = false).await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let request = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
    for (version, expected) in [(2, ErrorCode::INVALID_REQUEST), (3, ErrorCode::TOPIC_DELETION_DISABLED)] {
        assert_eq!(client.call(version, &request).await.responses[0].error_code, expected);
    }
}

#[tokio::test]
async fn partitions_can_only_be_added() {
    let server = Server::start().await;
    server.topic("t", 2, &[]).await;
    let mut client = server.client().await;
    let mut grow = async |version, name: &str, count, assignments: Option<usize>| {
        let assignments = assignments.map(|count| vec![CreatePartitionsAssignment { broker_ids: vec![0] }; count]);
        let topic = CreatePartitionsTopic { name: name.into(), count, assignments };
        let request = CreatePartitionsRequest { topics: vec![topic], ..Default::default() };
        client.call(version, &request).await.results[0].error_code
    };
    assert_eq!(grow(0, "t", 2, None).await, ErrorCode::INVALID_PARTITIONS);
    assert_eq!(grow(1, "t", 1, None).await, ErrorCode::INVALID_PARTITIONS);
    assert_eq!(grow(1, "t", -1, None).await, ErrorCode::INVALID_PARTITIONS);
    assert_eq!(grow(2, "t", i32::MAX, None).await, ErrorCode::INVALID_PARTITIONS);
    assert_eq!(grow(3, "no", 5, None).await, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(grow(3, "t", 5, Some(2)).await, ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    assert_eq!(grow(3, "t", 5, Some(3)).await, ErrorCode::NONE);
    let answered = client.call(8, &append("t", 4, -1, records(1))).await;
    assert_eq!(crate::producing::response(&answered).error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn records_are_deleted_up_to_an_offset() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    server.topic("compacted", 1, &[("cleanup.policy", "compact")]).await;
    let mut client = server.client().await;
    client.call(8, &append("t", 0, -1, records(5))).await;
    let mut delete = async |version, name: &str, partition_index, offset| {
        let partitions = vec![DeleteRecordsPartition { partition_index, offset }];
        let topics = vec![DeleteRecordsTopic { name: name.into(), partitions }];
        let response = client.call(version, &DeleteRecordsRequest { topics, timeout_ms: 1_000 }).await;
        let result = &response.topics[0].partitions[0];
        (result.error_code, result.low_watermark)
    };
    assert_eq!(delete(0, "t", 0, 2).await, (ErrorCode::NONE, 2));
    assert_eq!(delete(1, "t", 0, 1).await, (ErrorCode::NONE, 2));
    assert_eq!(delete(2, "t", 0, 6).await, (ErrorCode::OFFSET_OUT_OF_RANGE, -1));
    assert_eq!(delete(2, "t", 0, -2).await, (ErrorCode::OFFSET_OUT_OF_RANGE, -1));
    assert_eq!(delete(2, "t", 3, 0).await, (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, -1));
    assert_eq!(delete(2, "compacted", 0, 0).await, (ErrorCode::POLICY_VIOLATION, -1));
    assert_eq!(delete(2, "t", 0, -1).await, (ErrorCode::NONE, 5));
}
