//! The cluster: versions, brokers, coordinators, disks, leaders, reassignments.

use alluvium_wire::messages::{
    api_versions::{ApiVersionsRequest, ApiVersionsResponse},
    describe_cluster::DescribeClusterRequest,
    describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest},
    describe_topic_partitions::{Cursor, DescribeTopicPartitionsRequest, TopicRequest},
    elect_leaders::{ElectLeadersRequest, TopicPartitions},
    find_coordinator::FindCoordinatorRequest,
    list_partition_reassignments::{ListPartitionReassignmentsRequest, ListPartitionReassignmentsTopics},
};

use crate::{
    comparison::{Intended, KAFKA_FAILS, MORE_WORDS, compare, intended, intended_in},
    side::Side,
};

const NO_SUCH_FEATURES: &str = "no transactions of version 2, no consumer, share or streams groups, no KRaft here";
const VERSIONS: &[Intended] = &[
    intended_in("supported_features", "named", NO_SUCH_FEATURES),
    intended_in("finalized_features", "named", NO_SUCH_FEATURES),
];
const COORDINATORS: &[Intended] = &[MORE_WORDS];
const PAGES: &[Intended] = &[intended("no name", KAFKA_FAILS)];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn versions_are_told_as_in_kafka() {
    compare(versions, VERSIONS).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn the_cluster_is_described_as_in_kafka() {
    compare(cluster, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn coordinators_are_found_as_in_kafka() {
    compare(coordinators, COORDINATORS).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn topics_are_described_in_pages_as_in_kafka() {
    compare(pages, PAGES).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn log_dirs_are_described_as_in_kafka() {
    compare(log_dirs, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn leaders_are_elected_as_in_kafka() {
    compare(leaders, &[]).await;
}

async fn versions(side: &mut Side) {
    let common: Vec<i16> = side.keys();
    let named = |name: &str, version: &str| ApiVersionsRequest {
        client_software_name: name.to_owned(),
        client_software_version: version.to_owned(),
    };
    let of_both = |answer: &mut ApiVersionsResponse| answer.api_keys.retain(|one| common.contains(&one.api_key));
    side.part("named", &named("parity", "1.0"), of_both).await;
    for (name, version) in
        [("", "1"), ("a", ""), ("-a", "1"), ("a-", "1"), ("a b", "1"), ("a.b-c", "1-a.2"), ("ü", "1")]
    {
        side.part(&format!("named {name:?} {version:?}"), &named(name, version), of_both).await;
    }
}

async fn cluster(side: &mut Side) {
    for (include_cluster_authorized_operations, endpoint_type, include_fenced_brokers) in
        [(false, 1, false), (true, 1, true), (false, 2, false), (false, 0, false), (false, 9, false)]
    {
        let request =
            DescribeClusterRequest { include_cluster_authorized_operations, endpoint_type, include_fenced_brokers };
        let case = format!(
            "operations {include_cluster_authorized_operations}, endpoints {endpoint_type}, \
             fenced {include_fenced_brokers}"
        );
        side.all(&case, &request).await;
    }
}

async fn coordinators(side: &mut Side) {
    let (one, two) = (side.name("one"), side.name("two"));
    for key_type in [0, 1, 2, 3, -1] {
        for (case, keys) in [
            ("one", vec![one.clone()]),
            ("two", vec![two.clone(), one.clone()]),
            ("the same twice", vec![one.clone(), one.clone()]),
            ("an empty key", vec![String::new()]),
            ("no keys", Vec::new()),
        ] {
            let key = keys.first().cloned().unwrap_or_default();
            let request = FindCoordinatorRequest { key, key_type, coordinator_keys: keys };
            side.all(&format!("{case}, of type {key_type}"), &request).await;
        }
    }
}

async fn pages(side: &mut Side) {
    for (name, partitions) in [("a", 3), ("b", 2), ("c", 1)] {
        side.topic(name, partitions, &[]).await;
    }
    let names = [side.name("a"), side.name("b"), side.name("c")];
    let topics = |names: &[&str]| -> Vec<TopicRequest> {
        names.iter().map(|name| TopicRequest { name: (*name).to_owned() }).collect()
    };
    let [a, b, c] = names.each_ref().map(String::as_str);
    let unknown = side.name("bb");
    let request = |names: &[&str], response_partition_limit, cursor: Option<(&str, i32)>| {
        let cursor = cursor.map(|(topic, partition_index)| Cursor { topic_name: topic.to_owned(), partition_index });
        DescribeTopicPartitionsRequest { topics: topics(names), response_partition_limit, cursor }
    };
    side.all("all at once", &request(&[a, b, c], 2_000, None)).await;
    side.all("in disorder", &request(&[c, a, b], 2_000, None)).await;
    side.all("a topic twice", &request(&[a, a], 2_000, None)).await;
    side.all("unknown", &request(&[a, &unknown, c], 2_000, None)).await;
    side.all("invalid name", &request(&["a b"], 2_000, None)).await;
    side.all("no name", &request(&[""], 2_000, None)).await;
    for limit in [-1, 0, 1, 2, 3, 4, 5, 6, 7, 100_000] {
        side.all(&format!("limit {limit}"), &request(&[a, b, c], limit, None)).await;
    }
    for (case, topic, partition) in [
        ("from the second partition", a, 1),
        ("from the end of a topic", a, 3),
        ("beyond the end of a topic", a, 9),
        ("from the second topic", b, 0),
        ("from the last", c, 0),
        ("from an unknown topic", &unknown, 0),
        ("from after all", "zzz", 0),
        ("from a negative partition", a, -1),
    ] {
        side.all(case, &request(&[a, b, c], 2, Some((topic, partition)))).await;
    }
}

async fn log_dirs(side: &mut Side) {
    side.topic("empty", 2, &[]).await;
    let name = side.name("empty");
    let topics = Some(vec![DescribableLogDirTopic { topic: name.clone(), partitions: vec![0, 1] }]);
    side.until(&DescribeLogDirsRequest { topics }, |answer| {
        answer.results.iter().flat_map(|result| &result.topics).flat_map(|topic| &topic.partitions).count() == 2
    })
    .await;
    let of = |topics: &[(&str, &[i32])]| DescribeLogDirsRequest {
        topics: Some(
            topics
                .iter()
                .map(|(name, partitions)| DescribableLogDirTopic {
                    topic: (*name).to_owned(),
                    partitions: partitions.to_vec(),
                })
                .collect(),
        ),
    };
    side.all("one partition", &of(&[(&name, &[0])])).await;
    side.all("unknown partition", &of(&[(&name, &[7])])).await;
    side.all("a partition twice", &of(&[(&name, &[1, 1])])).await;
    side.all("unknown topic", &of(&[(&side.name("unknown"), &[0])])).await;
    side.all("no partitions", &of(&[(&name, &[])])).await;
    side.all("no topics", &of(&[])).await;
}

async fn leaders(side: &mut Side) {
    side.topic("led", 2, &[]).await;
    let name = side.name("led");
    let unknown = side.name("unknown");
    let of = |election_type, partitions: &[(&str, &[i32])]| {
        let topic = |(topic, partitions): &(&str, &[i32])| TopicPartitions {
            topic: (*topic).to_owned(),
            partitions: partitions.to_vec(),
        };
        let topic_partitions = Some(partitions.iter().map(topic).collect());
        ElectLeadersRequest { election_type, topic_partitions, timeout_ms: 10_000 }
    };
    for election_type in [0, 1, 2, -1] {
        side.all(&format!("known, type {election_type}"), &of(election_type, &[(&name, &[0])])).await;
        side.all(&format!("unknown partition, type {election_type}"), &of(election_type, &[(&name, &[9])])).await;
        side.all(&format!("unknown topic, type {election_type}"), &of(election_type, &[(&unknown, &[0])])).await;
    }
    side.all("none", &of(0, &[])).await;
    side.all("a partition twice", &of(0, &[(&name, &[1, 1])])).await;
    let of = |topics: Option<&[(&str, &[i32])]>| ListPartitionReassignmentsRequest {
        timeout_ms: 10_000,
        topics: topics.map(|topics| {
            let topic = |(name, partitions): &(&str, &[i32])| ListPartitionReassignmentsTopics {
                name: (*name).to_owned(),
                partition_indexes: partitions.to_vec(),
            };
            topics.iter().map(topic).collect()
        }),
    };
    side.all("all reassignments", &of(None)).await;
    side.all("reassignments of a partition", &of(Some(&[(&name, &[0])]))).await;
    side.all("reassignments of unknown ones", &of(Some(&[(&unknown, &[0]), (&name, &[9])]))).await;
    side.all("reassignments of none", &of(Some(&[]))).await;
}
