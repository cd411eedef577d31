//! Offsets that groups commit, fetch and delete.

use alluvium_wire::{
    ApiKey,
    messages::{
        offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete::{OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch::{
            OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
        },
    },
};
use uuid::Uuid;

use crate::{
    comparison::{ANSWERED_ONCE, Intended, compare, intended},
    members::Member,
    side::Side,
};

const FETCHED: &[Intended] = &[intended("a partition twice", ANSWERED_ONCE), intended("a group twice", ANSWERED_ONCE)];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn offsets_are_committed_as_in_kafka() {
    compare(committed, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn committed_offsets_are_fetched_as_in_kafka() {
    compare(fetched, FETCHED).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn committed_offsets_are_deleted_as_in_kafka() {
    compare(deleted, &[]).await;
}

/// A topic of two partitions.
struct Topic {
    name: String,
    id: Uuid,
}

impl Topic {
    async fn create(side: &Side) -> Self {
        Self { id: side.topic("topic", 2, &[]).await, name: side.name("topic") }
    }

    /// Commits one offset from outside of any generation.
    fn commit(
        &self,
        group: &str,
        partition_index: i32,
        committed_offset: i64,
        metadata: Option<&str>,
    ) -> OffsetCommitRequest {
        let partition = OffsetCommitRequestPartition {
            partition_index,
            committed_offset,
            committed_metadata: metadata.map(str::to_owned),
            ..Default::default()
        };
        let topic =
            OffsetCommitRequestTopic { name: self.name.clone(), topic_id: self.id, partitions: vec![partition] };
        OffsetCommitRequest { group_id: group.to_owned(), topics: vec![topic], ..Default::default() }
    }

    fn fetch(&self, group: &str, partitions: &[i32]) -> OffsetFetchRequest {
        let old = OffsetFetchRequestTopic { name: self.name.clone(), partition_indexes: partitions.to_vec() };
        let new = OffsetFetchRequestTopics {
            name: self.name.clone(),
            topic_id: self.id,
            partition_indexes: partitions.to_vec(),
        };
        OffsetFetchRequest {
            group_id: group.to_owned(),
            topics: Some(vec![old]),
            groups: vec![OffsetFetchRequestGroup {
                group_id: group.to_owned(),
                topics: Some(vec![new]),
                ..Default::default()
            }],
            require_stable: false,
        }
    }

    fn delete(&self, group: &str, partitions: &[i32]) -> OffsetDeleteRequest {
        let partition = |index: &i32| OffsetDeleteRequestPartition { partition_index: *index };
        let topic = OffsetDeleteRequestTopic {
            name: self.name.clone(),
            partitions: partitions.iter().map(partition).collect(),
        };
        OffsetDeleteRequest { group_id: group.to_owned(), topics: vec![topic] }
    }
}

fn all_of(group: &str) -> OffsetFetchRequest {
    let of_group = OffsetFetchRequestGroup { group_id: group.to_owned(), topics: None, ..Default::default() };
    OffsetFetchRequest { group_id: group.to_owned(), topics: None, groups: vec![of_group], require_stable: false }
}

async fn committed(side: &mut Side) {
    let topic = Topic::create(side).await;
    let group = side.name("group");
    for (case, partition, offset, metadata) in [
        ("simple", 0, 5, Some("here")),
        ("without metadata", 0, 6, None),
        ("empty metadata", 0, 7, Some("")),
        ("unknown partition", 9, 5, None),
        ("negative partition", -1, 5, None),
        ("negative offset", 0, -1, None),
        ("very negative offset", 0, -7, None),
        ("very large offset", 1, i64::MAX, None),
    ] {
        side.all(case, &topic.commit(&group, partition, offset, metadata)).await;
        side.all(&format!("after {case}"), &all_of(&group)).await;
    }
    for length in [4_096, 4_097] {
        let text = "m".repeat(length);
        side.all(&format!("metadata of {length}"), &topic.commit(&group, 1, 5, Some(&text))).await;
    }
    let unknown = Topic { name: side.name("unknown"), id: Uuid::from_u128(5) };
    side.all("unknown topic", &unknown.commit(&group, 0, 5, None)).await;
    let both = [unknown.commit(&group, 0, 5, None).topics, topic.commit(&group, 0, 9, None).topics].concat();
    side.all("unknown and known topic", &OffsetCommitRequest { topics: both, ..topic.commit(&group, 0, 0, None) })
        .await;
    side.all("no topics", &OffsetCommitRequest { topics: Vec::new(), ..topic.commit(&group, 0, 0, None) }).await;
    side.all("no group", &topic.commit("", 0, 5, None)).await;
    for (case, epoch) in [("leader epoch", 0), ("negative leader epoch", -1), ("unknown leader epoch", 7)] {
        let mut request = topic.commit(&group, 0, 5, None);
        request.topics[0].partitions[0].committed_leader_epoch = epoch;
        side.all(case, &request).await;
        side.all(&format!("after {case}"), &all_of(&group)).await;
    }
    by_members(side, &topic).await;
}

async fn by_members(side: &mut Side, topic: &Topic) {
    let group = side.name("members");
    let member = Member::in_stable_group(side, &group, "consumer").await;
    let unknown = side.name("no-such-group");
    for (case, group_id, member_id, generation) in [
        ("member", &group, member.id.as_str(), member.generation),
        ("member of an earlier generation", &group, &member.id, member.generation - 1),
        ("member of a later generation", &group, &member.id, member.generation + 1),
        ("member of no generation", &group, &member.id, -1),
        ("stranger", &group, "stranger", member.generation),
        ("nobody, to a group with members", &group, "", -1),
        ("nobody, with a generation", &group, "", member.generation),
        ("member of an unknown group", &unknown, &member.id, member.generation),
        ("nobody of an unknown group, with a generation", &unknown, "", 5),
    ] {
        let request = OffsetCommitRequest {
            member_id: member_id.to_owned(),
            generation_id_or_member_epoch: generation,
            ..topic.commit(group_id, 0, 5, None)
        };
        side.all(case, &request).await;
        let posing = OffsetCommitRequest { group_instance_id: Some("instance".into()), ..request };
        side.all(&format!("{case}, posing as a static one"), &posing).await;
    }
    side.at("member", 5, &member.leave()).await;
    side.all("nobody, to an empty group", &topic.commit(&group, 0, 5, None)).await;
}

async fn fetched(side: &mut Side) {
    let topic = Topic::create(side).await;
    let (group, other) = (side.name("group"), side.name("other"));
    side.ask(&topic.commit(&group, 0, 5, Some("here"))).await;
    side.ask(&topic.commit(&other, 1, 6, None)).await;
    let unknown = Topic { name: side.name("unknown"), id: Uuid::from_u128(5) };
    for (case, request) in [
        ("committed and not", topic.fetch(&group, &[0, 1])),
        ("unknown partition", topic.fetch(&group, &[9, -1])),
        ("a partition twice", topic.fetch(&group, &[0, 0])),
        ("no partitions", topic.fetch(&group, &[])),
        ("unknown topic", unknown.fetch(&group, &[0])),
        ("all", all_of(&group)),
        ("all of an unknown group", all_of(&side.name("no-such-group"))),
        ("of an unknown group", topic.fetch(&side.name("no-such-group"), &[0])),
        ("of no group", topic.fetch("", &[0])),
    ] {
        side.all(case, &request).await;
        side.all(&format!("{case}, stable"), &OffsetFetchRequest { require_stable: true, ..request }).await;
    }
    let none = OffsetFetchRequest { topics: Some(Vec::new()), groups: Vec::new(), ..topic.fetch(&group, &[]) };
    side.all("no topics, or no groups", &none).await;
    for (case, names) in [("two groups", [&group, &other]), ("a group twice", [&group, &group])] {
        let groups = names.iter().map(|name| topic.fetch(name, &[0, 1]).groups.remove(0)).collect();
        side.all(case, &OffsetFetchRequest { groups, ..topic.fetch(&group, &[0]) }).await;
    }
    for version in side.versions(ApiKey::OffsetFetch).filter(|version| *version >= 9) {
        for (member, epoch) in [(Some("stranger"), 3), (Some("stranger"), -1), (Some(""), 3), (None, 3)] {
            let mut request = topic.fetch(&group, &[0]);
            request.groups[0].member_id = member.map(str::to_owned);
            request.groups[0].member_epoch = epoch;
            side.at(&format!("member {member:?}, epoch {epoch}"), version, &request).await;
        }
    }
}

async fn deleted(side: &mut Side) {
    let topic = Topic::create(side).await;
    let group = side.name("group");
    for partition in [0, 1] {
        side.ask(&topic.commit(&group, partition, 5, None)).await;
    }
    let unknown = Topic { name: side.name("unknown"), id: Uuid::from_u128(5) };
    side.all("of an unknown group", &topic.delete(&side.name("no-such-group"), &[0])).await;
    side.all("of no group", &topic.delete("", &[0])).await;
    side.all("of an unknown topic", &unknown.delete(&group, &[0])).await;
    side.all("of an unknown partition", &topic.delete(&group, &[9])).await;
    side.all("no partitions", &topic.delete(&group, &[])).await;
    side.all("one", &topic.delete(&group, &[0])).await;
    side.all("after one", &all_of(&group)).await;
    side.all("the same again", &topic.delete(&group, &[0])).await;
    side.all("twice", &topic.delete(&group, &[1, 1])).await;
    side.all("after all", &all_of(&group)).await;
    let live = side.name("live");
    side.ask(&topic.commit(&live, 0, 5, None)).await;
    Member::in_stable_group(side, &live, "consumer").await;
    side.all("of a live group, not subscribed", &topic.delete(&live, &[0])).await;
    let connect = side.name("connect");
    side.ask(&topic.commit(&connect, 0, 5, None)).await;
    Member::in_stable_group(side, &connect, "connect").await;
    side.all("of a live group of another kind", &topic.delete(&connect, &[0])).await;
}
