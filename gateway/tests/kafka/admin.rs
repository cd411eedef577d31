//! Requests of administration tools: cluster, log directories, elections, reassignments, producer ids.

use alluvium_gateway::metrics::RequestLabels;
use alluvium_metastore::keyspace::{Key, Tag};
use alluvium_metastore::kv::{self, Tx};
use alluvium_model::{PartitionIndex, TopicId, TopicPartition};
use alluvium_wire::ErrorCode;
use alluvium_wire::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use alluvium_wire::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use alluvium_wire::messages::describe_cluster::DescribeClusterRequest;
use alluvium_wire::messages::describe_log_dirs::DescribeLogDirsRequest;
use alluvium_wire::messages::describe_topic_partitions::{DescribeTopicPartitionsRequest, TopicRequest};
use alluvium_wire::messages::elect_leaders::{ElectLeadersRequest, TopicPartitions};
use alluvium_wire::messages::end_txn::EndTxnRequest;
use alluvium_wire::messages::init_producer_id::InitProducerIdRequest;
use alluvium_wire::messages::list_partition_reassignments::ListPartitionReassignmentsRequest;

use crate::batches::records;
use crate::producing::append;
use crate::server::Server;

#[tokio::test]
async fn the_cluster_is_this_agent() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for version in 0..=2 {
        let request = DescribeClusterRequest { include_cluster_authorized_operations: true, ..Default::default() };
        let response = client.call(version, &request).await;
        assert_eq!((response.error_code, response.controller_id), (ErrorCode::NONE, 0));
        assert_eq!(response.cluster_id.len(), 22);
        assert_eq!(response.brokers[0].port, i32::from(server.address.port()));
        assert_eq!(response.cluster_authorized_operations, 8_096);
    }
    for (endpoint_type, expected) in
        [(2, ErrorCode::MISMATCHED_ENDPOINT_TYPE), (3, ErrorCode::UNSUPPORTED_ENDPOINT_TYPE)]
    {
        let request = DescribeClusterRequest { endpoint_type, ..Default::default() };
        assert_eq!(client.call(1, &request).await.error_code, expected);
    }
}

#[tokio::test]
async fn the_size_of_a_partition_is_that_of_its_batches() {
    let server = Server::start().await;
    server.topic("t", 2, &[]).await;
    let mut client = server.client().await;
    let batch = records(10);
    client.call(8, &append("t", 1, -1, batch.clone())).await;
    for version in 1..=5 {
        let response = client.call(version, &DescribeLogDirsRequest { topics: None }).await;
        assert_eq!(response.results.len(), 1);
        let sizes: Vec<_> =
            response.results[0].topics[0].partitions.iter().map(|partition| partition.partition_size).collect();
        assert_eq!(sizes, [0, batch.len() as i64], "version {version}");
    }
    let partitions = vec![DeleteRecordsPartition { partition_index: 1, offset: -1 }];
    let topics = vec![DeleteRecordsTopic { name: "t".into(), partitions }];
    client.call(2, &DeleteRecordsRequest { topics, ..Default::default() }).await;
    let response = client.call(5, &DescribeLogDirsRequest { topics: None }).await;
    assert!(response.results[0].topics[0].partitions.iter().all(|partition| partition.partition_size == 0));
}

#[tokio::test]
async fn sizes_that_cannot_be_read_are_an_error_and_not_zero() {
    let server = Server::start().await;
    let id = server.topic("t", 1, &[]).await;
    let partition = TopicPartition::new(TopicId(id), PartitionIndex(0));
    let counter = &Key::new(Tag::LOG_REMOVED).partition(partition).bytes();
    let damage = |tx: Tx| async move {
        tx.set(counter, b"damaged");
        Ok::<_, kv::Error>(())
    };
    server.agent.metastore.db.run("damage", damage).await.expect("it is written");
    let response = server.client().await.call(5, &DescribeLogDirsRequest { topics: None }).await;
    assert_eq!(response.results[0].error_code, ErrorCode::UNKNOWN_SERVER_ERROR);
    assert!(response.results[0].topics.is_empty());
}

#[tokio::test]
async fn no_election_is_ever_needed() {
    let server = Server::start().await;
    server.topic("t", 2, &[]).await;
    let mut client = server.client().await;
    let all = client.call(2, &ElectLeadersRequest { topic_partitions: None, ..Default::default() }).await;
    let results = &all.replica_election_results[0].partition_result;
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|result| result.error_code == ErrorCode::ELECTION_NOT_NEEDED));
    let requested = vec![TopicPartitions { topic: "t".into(), partitions: vec![5] }];
    let one = client.call(0, &ElectLeadersRequest { topic_partitions: Some(requested), ..Default::default() }).await;
    let result = &one.replica_election_results[0].partition_result[0];
    assert_eq!(result.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[tokio::test]
async fn reassignments_are_accepted_without_effect() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let partition = |partition_index, replicas| ReassignablePartition { partition_index, replicas };
    let partitions = vec![partition(0, Some(vec![1, 2])), partition(0, None), partition(4, Some(vec![1]))];
    let topics = vec![ReassignableTopic { name: "t".into(), partitions }];
    let request = AlterPartitionReassignmentsRequest { topics, ..Default::default() };
    let response = client.call(1, &request).await;
    let codes: Vec<_> = response.responses[0].partitions.iter().map(|partition| partition.error_code).collect();
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::NO_REASSIGNMENT_IN_PROGRESS, unknown]);
    let listed = client.call(0, &ListPartitionReassignmentsRequest::default()).await;
    assert!(listed.topics.is_empty());
}

#[tokio::test]
async fn partitions_are_described_page_by_page() {
    let server = Server::start().await;
    server.topic("a", 3, &[]).await;
    server.topic("b", 2, &[]).await;
    let mut client = server.client().await;
    let mut request = DescribeTopicPartitionsRequest { response_partition_limit: 2, ..Default::default() };
    let mut pages = Vec::new();
    loop {
        let response = client.call(0, &request).await;
        let page: Vec<(String, Vec<i32>)> = response
            .topics
            .iter()
            .map(|topic| {
                let indexes = topic.partitions.iter().map(|partition| partition.partition_index).collect();
                (topic.name.clone().unwrap(), indexes)
            })
            .collect();
        pages.push(page);
        match response.next_cursor {
            Some(cursor) => request.cursor = Some(cursor),
            None => break,
        }
    }
    let part = |name: &str, indexes: &[i32]| (name.to_owned(), indexes.to_vec());
    assert_eq!(pages, [vec![part("a", &[0, 1])], vec![part("a", &[2]), part("b", &[0])], vec![part("b", &[1])]]);
    let topics = vec![TopicRequest { name: "no".into() }];
    let response = client.call(0, &DescribeTopicPartitionsRequest { topics, ..Default::default() }).await;
    assert_eq!(response.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[tokio::test]
async fn every_idempotent_producer_gets_its_own_id() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut ids = Vec::new();
    for version in 0..=5 {
        let request = InitProducerIdRequest { transactional_id: None, ..Default::default() };
        let response = client.call(version, &request).await;
        assert_eq!((response.error_code, response.producer_epoch), (ErrorCode::NONE, 0));
        ids.push(response.producer_id);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[tokio::test]
async fn whoever_takes_a_transactional_id_gets_the_next_epoch() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let init = |id: &str, transaction_timeout_ms| InitProducerIdRequest {
        transactional_id: Some(id.into()),
        transaction_timeout_ms,
        ..Default::default()
    };
    let first = client.call(4, &init("tx", 60_000)).await;
    let second = client.call(4, &init("tx", 60_000)).await;
    assert_eq!((first.error_code, first.producer_epoch), (ErrorCode::NONE, 0));
    assert_eq!((second.producer_id, second.producer_epoch), (first.producer_id, 1));
    let long = "x".repeat(5_000);
    for (id, timeout, expected) in [
        ("", 60_000, ErrorCode::INVALID_REQUEST),
        (&*long, 60_000, ErrorCode::INVALID_REQUEST),
        ("tx", 0, ErrorCode::INVALID_TRANSACTION_TIMEOUT),
        ("tx", 900_001, ErrorCode::INVALID_TRANSACTION_TIMEOUT),
    ] {
        let response = client.call(4, &init(id, timeout)).await;
        assert_eq!((response.error_code, response.producer_id, response.producer_epoch), (expected, -1, -1));
    }
}

#[tokio::test]
async fn requests_are_counted_by_the_first_error_in_their_answers() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let unknown = EndTxnRequest { transactional_id: "unknown".into(), ..Default::default() };
    let refused = client.call(5, &unknown).await.error_code;
    client.call(8, &append("unknown", 0, -1, records(1))).await;
    client.call(0, &DescribeClusterRequest::default()).await;
    for (api, error) in
        [("EndTxn", refused), ("Produce", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), ("DescribeCluster", ErrorCode::NONE)]
    {
        let labels = RequestLabels { api, error: error.code().into() };
        assert_eq!(server.agent.metrics.requests.get_or_create(&labels).get(), 1, "{api} {error}");
    }
    assert_eq!(refused, ErrorCode::INVALID_PRODUCER_ID_MAPPING);
}
