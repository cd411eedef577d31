//! Topics: creation, rejected creation, new partitions, deletion.

use alluvium_wire::{
    ApiKey,
    messages::{
        create_partitions::{CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic},
        create_topics::{
            CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
        },
        delete_topics::{DeleteTopicState, DeleteTopicsRequest},
    },
};
use uuid::Uuid;

use crate::{
    comparison::{Intended, MORE_WORDS, compare, intended_in},
    side::Side,
};

const CREATED: &[Intended] = &[intended_in(
    "min.insync.replicas",
    "",
    "where Kafka elects eligible leaders, this is set for the cluster; here nothing is replicated",
)];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn topics_are_created_as_in_kafka() {
    compare(created, CREATED).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn topics_are_deleted_as_in_kafka() {
    compare(deleted, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn partitions_are_added_as_in_kafka() {
    compare(extended, &[MORE_WORDS]).await;
}

async fn created(side: &mut Side) {
    let existing = side.name("existing.topic");
    side.topic("existing.topic", 1, &[]).await;
    for version in side.versions(ApiKey::CreateTopics) {
        let name = |name: &str| side.name(&format!("{name}-{version}"));
        let (plain, configured, default, assigned) =
            (name("plain"), name("configured"), name("default"), name("assigned"));
        let retention = config("retention.ms", Some("1000"));
        let policy = config("cleanup.policy", Some("compact"));
        side.at("plain", version, &request(vec![topic(&plain)])).await;
        let configs = vec![policy, retention];
        side.at("with configs", version, &request(vec![CreatableTopic { configs, ..topic(&configured) }])).await;
        let defaults = CreatableTopic { num_partitions: -1, replication_factor: -1, ..topic(&default) };
        side.at("with defaults", version, &request(vec![defaults])).await;
        side.at("assigned", version, &request(vec![placed(&assigned, &[(0, &[1]), (1, &[1])])])).await;
    }
    for number in 0..refused(side, "").len() {
        let case = refused(side, "")[number].0;
        for version in side.versions(ApiKey::CreateTopics) {
            let topics = vec![refused(side, &format!("-{number}-{version}")).swap_remove(number).1];
            let checked = CreateTopicsRequest { validate_only: true, ..request(topics.clone()) };
            side.at(&format!("{case}, only checked"), version, &checked).await;
            side.at(case, version, &request(topics)).await;
        }
    }
    together(side, &existing).await;
}

async fn together(side: &mut Side, existing: &str) {
    let (one, other) = (side.name("one"), side.name("other"));
    let checked = |topics| CreateTopicsRequest { validate_only: true, ..request(topics) };
    side.all("checked only", &checked(vec![topic(&one)])).await;
    let in_order = |answer: &mut CreateTopicsResponse| answer.topics.sort_by(|one, other| one.name.cmp(&other.name));
    side.part("twice in one request", &checked(vec![topic(&one), topic(&other), topic(&one)]), in_order).await;
    side.all("good and bad", &checked(vec![topic(existing), topic(&one)])).await;
    side.all("colliding with each other", &checked(vec![topic(&side.name("c.d")), topic(&side.name("c_d"))])).await;
    side.all("none", &checked(Vec::new())).await;
}

/// Invalid topics. Their names end in `end`, unless the name is what is invalid.
fn refused(side: &Side, end: &str) -> Vec<(&'static str, CreatableTopic)> {
    let name = side.name(&format!("refused{end}"));
    let good = || topic(&name);
    let with = |configs: &[(&str, Option<&str>)]| CreatableTopic {
        configs: configs.iter().map(|(name, value)| config(name, *value)).collect(),
        ..good()
    };
    let sized = |num_partitions, replication_factor| CreatableTopic { num_partitions, replication_factor, ..good() };
    vec![
        ("existing", topic(&side.name("existing.topic"))),
        ("colliding", topic(&side.name("existing_topic"))),
        ("no name", topic("")),
        ("dot", topic(".")),
        ("dots", topic("..")),
        ("space in name", topic("a b")),
        ("slash in name", topic("a/b")),
        ("letters beyond ascii", topic("ü")),
        ("long name", topic(&"n".repeat(250))),
        ("no partitions", sized(0, 1)),
        ("negative partitions", sized(-2, 1)),
        ("no replicas", sized(1, 0)),
        ("negative replicas", sized(1, -2)),
        ("too many partitions", sized(1_000_000, 1)),
        ("no partitions nor replicas", sized(0, 0)),
        ("unknown config", with(&[("no.such.config", Some("1"))])),
        ("unreadable config", with(&[("retention.ms", Some("soon"))])),
        ("config out of range", with(&[("max.message.bytes", Some("-1"))])),
        ("unknown choice", with(&[("cleanup.policy", Some("forget"))])),
        ("empty number", with(&[("retention.ms", Some(""))])),
        ("spaces around", with(&[("retention.ms", Some(" 5 "))])),
        ("boolean in capitals", with(&[("preallocate", Some("TRUE"))])),
        ("boolean by number", with(&[("preallocate", Some("1"))])),
        ("list with spaces", with(&[("cleanup.policy", Some("compact, delete"))])),
        ("empty list", with(&[("cleanup.policy", Some(""))])),
        ("repeated choice", with(&[("cleanup.policy", Some("compact,compact"))])),
        ("unknown compression", with(&[("compression.type", Some("brotli"))])),
        ("lags in disorder", with(&[("min.compaction.lag.ms", Some("10")), ("max.compaction.lag.ms", Some("5"))])),
        ("null config", with(&[("retention.ms", None)])),
        ("config twice", with(&[("retention.ms", Some("1")), ("retention.ms", Some("2"))])),
        ("assigned and counted", CreatableTopic { num_partitions: 1, ..placed(&name, &[(0, &[1])]) }),
        ("assigned with a gap", placed(&name, &[(0, &[1]), (2, &[1])])),
        ("assigned twice", placed(&name, &[(0, &[1]), (0, &[1])])),
        ("assigned to nobody", placed(&name, &[(0, &[])])),
        ("assigned from one", placed(&name, &[(1, &[1])])),
        ("assigned twice to one", placed(&name, &[(0, &[1, 1])])),
    ]
}

async fn deleted(side: &mut Side) {
    for version in side.versions(ApiKey::DeleteTopics) {
        let name = format!("gone-{version}");
        side.topic(&name, 1, &[]).await;
        let name = side.name(&name);
        side.at("by name", version, &delete(&[Some(&name)])).await;
        side.until_deleted(&name).await;
        side.at("by name again", version, &delete(&[Some(&name)])).await;
    }
    let id = side.topic("by-id", 1, &[]).await;
    let state = |name: Option<String>, topic_id| DeleteTopicState { name, topic_id };
    let of = |topics: Vec<DeleteTopicState>| DeleteTopicsRequest { topics, timeout_ms: 5_000, ..Default::default() };
    let name = side.name("by-id");
    let (both, nothing, unknown) = (Some(name.clone()), Uuid::nil(), Uuid::from_u128(9));
    side.at("by id and name", 6, &of(vec![state(both.clone(), id)])).await;
    side.at("by neither", 6, &of(vec![state(None, nothing)])).await;
    side.at("by unknown id", 6, &of(vec![state(None, unknown)])).await;
    side.at("by an id twice", 6, &of(vec![state(None, id), state(None, id)])).await;
    side.at("by its id, and by its name", 6, &of(vec![state(None, id), state(both, nothing)])).await;
    side.at("by id", 6, &of(vec![state(None, id)])).await;
    side.until_deleted(&name).await;
    side.at("by id again", 6, &of(vec![state(None, id)])).await;
    side.topic("kept", 1, &[]).await;
    let (kept, absent) = (side.name("kept"), side.name("absent"));
    side.all("twice", &delete(&[Some(&kept), Some(&kept)])).await;
    side.all("unknown twice", &delete(&[Some(&absent), Some(&absent)])).await;
    side.all("invalid name", &delete(&[Some("a b")])).await;
    side.all("no name", &delete(&[Some("")])).await;
    side.all("none", &delete(&[])).await;
}

async fn extended(side: &mut Side) {
    side.topic("growing", 2, &[]).await;
    side.topic("other", 1, &[]).await;
    let (name, other) = (side.name("growing"), side.name("other"));
    let checked = |name: &str, count| extend(vec![more(name, count)], true);
    for (case, count) in [("as many", 2), ("fewer", 1), ("none", 0), ("negative", -1)] {
        side.all(case, &extend(vec![more(&name, count)], false)).await;
    }
    side.all("checked only", &checked(&name, 3)).await;
    side.all("of an unknown topic", &checked(&side.name("unknown"), 3)).await;
    side.all("of an invalid name", &checked("a b", 3)).await;
    side.all("twice", &extend(vec![more(&name, 3), more(&other, 3), more(&name, 4)], true)).await;
    let to = |places: &[&[i32]], count| {
        let assignments = places.iter().map(|brokers| CreatePartitionsAssignment { broker_ids: brokers.to_vec() });
        extend(vec![CreatePartitionsTopic { assignments: Some(assignments.collect()), ..more(&name, count) }], true)
    };
    side.all("assigned", &to(&[&[1]], 3)).await;
    side.all("assigned to too few", &to(&[&[1]], 4)).await;
    side.all("assigned to too many", &to(&[&[1], &[1]], 3)).await;
    side.all("assigned to none", &to(&[], 3)).await;
    side.all("assigned to nobody", &to(&[&[]], 3)).await;
    for (version, count) in side.versions(ApiKey::CreatePartitions).zip(3..) {
        side.at("to more", version, &extend(vec![more(&name, count)], false)).await;
        side.ready(&name, count).await;
    }
}

fn request(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest { topics, timeout_ms: 10_000, ..Default::default() }
}

fn topic(name: &str) -> CreatableTopic {
    CreatableTopic { name: name.to_owned(), num_partitions: 1, replication_factor: 1, ..Default::default() }
}

/// A topic with an explicit assignment of brokers to each partition.
fn placed(name: &str, partitions: &[(i32, &[i32])]) -> CreatableTopic {
    let assignment = |(partition_index, brokers): &(i32, &[i32])| CreatableReplicaAssignment {
        partition_index: *partition_index,
        broker_ids: brokers.to_vec(),
    };
    let assignments = partitions.iter().map(assignment).collect();
    CreatableTopic { num_partitions: -1, replication_factor: -1, assignments, ..topic(name) }
}

fn config(name: &str, value: Option<&str>) -> CreatableTopicConfig {
    CreatableTopicConfig { name: name.to_owned(), value: value.map(str::to_owned) }
}

fn delete(names: &[Option<&str>]) -> DeleteTopicsRequest {
    let state = |name: &Option<&str>| DeleteTopicState { name: name.map(str::to_owned), topic_id: Uuid::nil() };
    DeleteTopicsRequest {
        topics: names.iter().map(state).collect(),
        topic_names: names.iter().flatten().map(|name| (*name).to_owned()).collect(),
        timeout_ms: 10_000,
    }
}

fn more(name: &str, count: i32) -> CreatePartitionsTopic {
    CreatePartitionsTopic { name: name.to_owned(), count, assignments: None }
}

fn extend(topics: Vec<CreatePartitionsTopic>, validate_only: bool) -> CreatePartitionsRequest {
    CreatePartitionsRequest { topics, timeout_ms: 10_000, validate_only }
}
