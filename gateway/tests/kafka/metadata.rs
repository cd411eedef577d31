//! Metadata, as Kafka answers it.

use alluvium_metastore::nodes::SessionConfig;
use alluvium_wire::ErrorCode;
use alluvium_wire::messages::OPERATIONS_OMITTED;
use alluvium_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use uuid::Uuid;

use crate::server::{Server, SharedStores};

fn named(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic { name: Some(name.into()), ..Default::default() }
}

fn asking(topics: Vec<MetadataRequestTopic>) -> MetadataRequest {
    MetadataRequest { topics: Some(topics), allow_auto_topic_creation: false, ..Default::default() }
}

fn names(response: &MetadataResponse) -> Vec<&str> {
    response.topics.iter().filter_map(|topic| topic.name.as_deref()).collect()
}

#[tokio::test]
async fn a_single_agent_leads_everything_in_every_version() {
    let server = Server::over(SharedStores::new().await, Some("zone-a"), SessionConfig::alone(), |_| {}).await;
    let id = server.topic("t", 2, &[]).await;
    let mut client = server.client().await;
    for version in 0..=13 {
        let response = client.call(version, &asking(vec![named("t")])).await;
        let broker = &response.brokers[0];
        assert_eq!((broker.node_id, broker.host.as_str()), (0, "127.0.0.1"));
        assert_eq!(broker.port, i32::from(server.address.port()));
        let topic = &response.topics[0];
        assert_eq!((topic.error_code, topic.name.as_deref()), (ErrorCode::NONE, Some("t")));
        assert_eq!(topic.partitions.len(), 2);
        for (index, partition) in topic.partitions.iter().enumerate() {
            assert_eq!(partition.partition_index, index as i32);
            assert_eq!((partition.leader_id, &partition.replica_nodes, &partition.isr_nodes), (0, &vec![0], &vec![0]));
            assert_eq!(partition.leader_epoch, if version >= 7 { 0 } else { -1 });
        }
        if version >= 1 {
            assert_eq!((response.controller_id, broker.rack.as_deref()), (0, Some("zone-a")));
        }
        if version >= 2 {
            assert_eq!(response.cluster_id.as_ref().map(String::len), Some(22));
        }
        assert_eq!(topic.topic_id, if version >= 10 { id } else { Uuid::nil() });
    }
}

#[tokio::test]
async fn version_0_asks_for_all_topics_with_an_empty_list() {
    let server = Server::start().await;
    server.topic("b", 1, &[]).await;
    server.topic("a", 1, &[]).await;
    let mut client = server.client().await;
    assert_eq!(names(&client.call(0, &asking(Vec::new())).await), ["a", "b"]);
    for version in 1..=13 {
        assert!(client.call(version, &asking(Vec::new())).await.topics.is_empty());
        let all = MetadataRequest { topics: None, ..Default::default() };
        assert_eq!(names(&client.call(version, &all).await), ["a", "b"], "version {version}");
    }
}

#[tokio::test]
async fn an_unknown_topic_is_created_only_if_client_and_agent_allow_it() {
    let server = Server::configured(|config| config.num_partitions = 3).await;
    let mut client = server.client().await;
    let unwanted = client.call(5, &asking(vec![named("t")])).await;
    assert_eq!(unwanted.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let wanted = MetadataRequest { allow_auto_topic_creation: true, ..asking(vec![named("t")]) };
    let response = client.call(5, &wanted).await;
    assert_eq!((response.topics[0].error_code, response.topics[0].partitions.len()), (ErrorCode::NONE, 3));

    let server = Server::configured(|config| config.auto_create_topics = false).await;
    let response = server.client().await.call(5, &wanted).await;
    assert_eq!(response.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[tokio::test]
async fn a_topic_with_an_invalid_name_is_not_created() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for name in ["", ".", "a b", &"x".repeat(250)] {
        let request = MetadataRequest { allow_auto_topic_creation: true, ..asking(vec![named(name)]) };
        let response = client.call(8, &request).await;
        assert_eq!(response.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION, "{name:?}");
    }
}

#[tokio::test]
async fn topics_are_found_by_id_from_version_12() {
    let server = Server::start().await;
    let id = server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let by_id = |topic_id| asking(vec![MetadataRequestTopic { topic_id, name: None }]);
    let response = client.call(12, &by_id(id)).await;
    assert_eq!(response.topics[0].name.as_deref(), Some("t"));
    let unknown = client.call(12, &by_id(Uuid::from_u128(1))).await;
    assert_eq!(unknown.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!((unknown.topics[0].name.as_ref(), unknown.topics[0].topic_id), (None, Uuid::from_u128(1)));
    for version in [10, 11] {
        let response = client.call(version, &by_id(id)).await;
        assert_eq!(response.topics[0].error_code, ErrorCode::INVALID_REQUEST, "version {version}");
    }
}

#[tokio::test]
async fn authorized_operations_are_returned_on_request() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let silent = client.call(8, &asking(vec![named("t")])).await;
    assert_eq!(silent.topics[0].topic_authorized_operations, OPERATIONS_OMITTED);
    assert_eq!(silent.cluster_authorized_operations, OPERATIONS_OMITTED);
    let request = MetadataRequest {
        include_cluster_authorized_operations: true,
        include_topic_authorized_operations: true,
        ..asking(vec![named("t")])
    };
    let response = client.call(8, &request).await;
    assert_eq!(response.topics[0].topic_authorized_operations, 0b1101_1111_1000);
    assert_eq!(response.cluster_authorized_operations, 0b1_1111_1010_0000);
}

#[tokio::test]
async fn a_recreated_topic_has_a_new_id() {
    use alluvium_wire::messages::delete_topics::DeleteTopicsRequest;
    let server = Server::start().await;
    let first = server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let delete = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
    assert_eq!(client.call(5, &delete).await.responses[0].error_code, ErrorCode::NONE);
    let gone = client.call(12, &asking(vec![named("t")])).await;
    assert_eq!(gone.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_ne!(server.topic("t", 1, &[]).await, first);
}

#[tokio::test]
async fn a_topic_named_many_times_is_described_once() {
    let server = Server::start().await;
    let id = server.topic("t", 1_000, &[]).await;
    let mut client = server.client().await;
    // A million partitions, if each occurrence were answered.
    let mut topics: Vec<_> = (0..1_000).map(|_| named("t")).collect();
    topics.push(named("u"));
    assert_eq!(names(&client.call(12, &asking(topics)).await), ["t", "u"]);
    let by_id = MetadataRequestTopic { topic_id: id, name: None };
    let response = client.call(12, &asking(vec![by_id.clone(), by_id])).await;
    assert_eq!(response.topics.len(), 1);
}

#[tokio::test]
async fn metadata_of_many_partitions_is_encoded_once_for_each_change() {
    let server = Server::start().await;
    server.topic("large", 5_000, &[]).await;
    let (mut client, mut other) = (server.client().await, server.client().await);
    let hits = || server.agent.metrics.metadata_hits.get();
    for version in [1, 9, 12, 13] {
        let before = hits();
        let first = client.call(version, &asking(vec![named("large")])).await;
        assert_eq!((first.topics[0].partitions.len(), hits() - before), (5_000, 0));
        // Each response has the correlation id of its request, which `call` checks.
        for again in [client.call(version, &asking(vec![named("large")])).await, {
            other.call(version, &asking(vec![named("large")])).await;
            other.call(version, &asking(vec![named("large")])).await
        }] {
            assert_eq!(again, first);
        }
        assert_eq!(hits() - before, 3, "version {version}");
    }
    let before = hits();
    server.topic("new", 1, &[]).await;
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(names(&client.call(12, &all).await), ["large", "new"]);
    assert_eq!(client.call(12, &asking(vec![named("large")])).await.topics[0].partitions.len(), 5_000);
    assert_eq!(hits(), before, "topics have changed");
    assert_eq!(names(&other.call(12, &all).await), ["large", "new"]);
    assert_eq!(hits(), before + 1);
    // A topic that does not exist may be created any time.
    for _ in 0..2 {
        assert_eq!(client.call(12, &asking(vec![named("large"), named("missing")])).await.topics.len(), 2);
    }
    assert_eq!(hits(), before + 1);
}
