//! Metadata: all topics, none, some; unknown, invalid, by id; auto-created.

use alluvium_wire::{
    ApiKey,
    messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse},
};
use uuid::Uuid;

use crate::{
    comparison::{Intended, KAFKA_FAILS, compare, intended},
    side::Side,
};

const INTENDED: &[Intended] = &[
    intended("by id, and by name", "each is answered; Kafka ignores those with a name if others have ids"),
    intended("by nothing", KAFKA_FAILS),
];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn metadata_is_as_kafka_has_it() {
    compare(cases, INTENDED).await;
}

async fn cases(side: &mut Side) {
    let first = side.topic("first", 3, &[]).await;
    let second = side.topic("second", 1, &[]).await;
    let (first_name, second_name) = (side.name("first"), side.name("second"));
    let is_of_run = side.is_of_run();
    let ours = |answer: &mut MetadataResponse| {
        answer.topics.retain(|topic| is_of_run(topic.name.as_deref()));
        sort(answer);
    };
    let all = MetadataRequest { topics: None, allow_auto_topic_creation: false, ..Default::default() };
    side.part("all topics", &all, &ours).await;
    let none_in_0 = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    side.part("no topics", &none_in_0, &ours).await;
    side.all("one topic", &named(&[&first_name])).await;
    side.sorted("two topics", &named(&[&second_name, &first_name])).await;
    side.all("a topic twice", &named(&[&first_name, &first_name])).await;
    for version in side.versions(ApiKey::Metadata).filter(|version| *version >= 4) {
        side.sorted_at("unknown", version, &named(&[&side.name("unknown"), &first_name])).await;
    }
    for invalid in ["", ".", "..", "with space", "ümlaut", "a/b", &"n".repeat(250)] {
        side.all(&format!("invalid name {invalid:.10?}"), &named(&[invalid])).await;
        let creating = MetadataRequest { allow_auto_topic_creation: true, ..named(&[invalid]) };
        side.all(&format!("invalid name {invalid:.10?}, creating"), &creating).await;
    }
    for version in side.versions(ApiKey::Metadata) {
        let name = side.name(&format!("created-{version}"));
        let creating = MetadataRequest { allow_auto_topic_creation: true, ..named(&[&name]) };
        side.ask(&creating).await;
        side.ready(&name, 1).await;
        side.at("created by asking", version, &creating).await;
    }
    by_id(side, first, second).await;
    with_operations(side, &first_name).await;
}

/// Kafka's order is that of its hash maps.
fn sort(answer: &mut MetadataResponse) {
    answer.topics.sort_by(|one, other| (&one.name, one.error_code.0).cmp(&(&other.name, other.error_code.0)));
}

impl Side {
    async fn sorted(&mut self, case: &str, request: &MetadataRequest) {
        self.part(case, request, sort).await;
    }

    async fn sorted_at(&mut self, case: &str, version: i16, request: &MetadataRequest) {
        self.part_at(case, version, request, sort).await;
    }
}

async fn by_id(side: &mut Side, first: Uuid, second: Uuid) {
    let name = side.name("first");
    side.sorted("by id", &identified(&[(first, None), (second, None)])).await;
    side.sorted("by unknown id", &identified(&[(Uuid::from_u128(7), None), (first, None)])).await;
    side.sorted("by id and name", &identified(&[(first, Some(&name))])).await;
    side.sorted("by another's id and name", &identified(&[(second, Some(&name))])).await;
    side.sorted("by id, and by name", &identified(&[(first, None), (Uuid::nil(), Some(&name))])).await;
    side.sorted("by nothing", &identified(&[(Uuid::nil(), None)])).await;
    side.sorted("by an id twice", &identified(&[(first, None), (first, None)])).await;
}

async fn with_operations(side: &mut Side, name: &str) {
    for (cluster, topic) in [(true, false), (false, true), (true, true)] {
        let request = MetadataRequest {
            include_cluster_authorized_operations: cluster,
            include_topic_authorized_operations: topic,
            ..named(&[name, &side.name("unknown")])
        };
        for version in side.versions(ApiKey::Metadata).filter(|version| *version >= 8) {
            side.sorted_at(&format!("operations of cluster {cluster}, of topic {topic}"), version, &request).await;
        }
    }
}

fn named(names: &[&str]) -> MetadataRequest {
    let topic = |name: &&str| MetadataRequestTopic { name: Some((*name).to_owned()), ..Default::default() };
    MetadataRequest {
        topics: Some(names.iter().map(topic).collect()),
        allow_auto_topic_creation: false,
        ..Default::default()
    }
}

fn identified(topics: &[(Uuid, Option<&str>)]) -> MetadataRequest {
    let topic = |(topic_id, name): &(Uuid, Option<&str>)| MetadataRequestTopic {
        topic_id: *topic_id,
        name: name.map(str::to_owned),
    };
    MetadataRequest {
        topics: Some(topics.iter().map(topic).collect()),
        allow_auto_topic_creation: false,
        ..Default::default()
    }
}
