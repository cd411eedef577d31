//! Groups described, listed and deleted, in each of their states.

use alluvium_wire::messages::{
    delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse},
    describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse},
    list_groups::{ListGroupsRequest, ListGroupsResponse},
    offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
};

use crate::{
    comparison::{ANSWERED_ONCE, Intended, compare, intended, intended_in},
    members::Member,
    side::Side,
};

const DESCRIBED: &[Intended] = &[
    intended("twice", ANSWERED_ONCE),
    intended_in("member_assignment", "before the assignment", "what the generation before had is not this one's"),
];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn groups_are_described_as_in_kafka() {
    compare(described, DESCRIBED).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn groups_are_listed_as_in_kafka() {
    compare(listed, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn groups_are_deleted_as_in_kafka() {
    compare(deleted, &[]).await;
}

/// The names of groups in each state: stable, empty after its member left, of offsets only, dead.
async fn each_state(side: &Side) -> [String; 4] {
    let names = ["stable", "left", "simple", "dead"].map(|name| side.name(name));
    Member::in_stable_group(side, &names[0], "consumer").await;
    let member = Member::in_stable_group(side, &names[1], "consumer").await;
    side.ask(&member.leave()).await;
    let id = side.topic("topic", 1, &[]).await;
    let partition = OffsetCommitRequestPartition { committed_offset: 1, ..Default::default() };
    let topic = OffsetCommitRequestTopic { name: side.name("topic"), topic_id: id, partitions: vec![partition] };
    let commit = OffsetCommitRequest { group_id: names[2].clone(), topics: vec![topic], ..Default::default() };
    side.ask(&commit).await;
    names
}

async fn described(side: &mut Side) {
    let states = each_state(side).await;
    for include_authorized_operations in [false, true] {
        for name in &states {
            let request = DescribeGroupsRequest { groups: vec![name.clone()], include_authorized_operations };
            side.all(&format!("{name}, operations {include_authorized_operations}"), &request).await;
        }
    }
    let of = |groups: Vec<String>| DescribeGroupsRequest { groups, include_authorized_operations: false };
    let in_order = |answer: &mut DescribeGroupsResponse| {
        answer.groups.sort_by(|one, other| one.group_id.cmp(&other.group_id));
    };
    side.part("all of them", &of(states.to_vec()), in_order).await;
    side.all("twice", &of(vec![states[0].clone(), states[0].clone()])).await;
    side.all("none", &of(Vec::new())).await;
    let joining = side.name("joining");
    let member = Member::in_stable_group(side, &joining, "consumer").await;
    side.ask(&member.join()).await;
    side.all("before the assignment", &of(vec![joining])).await;
}

async fn listed(side: &mut Side) {
    each_state(side).await;
    let is_of_run = side.is_of_run();
    let ours = |answer: &mut ListGroupsResponse| {
        answer.groups.retain(|group| is_of_run(Some(&group.group_id)));
        answer.groups.sort_by(|one, other| one.group_id.cmp(&other.group_id));
    };
    for states in [&[][..], &["Stable"], &["Empty"], &["Dead"], &["stable"], &["Stable", "Empty"], &["Nonsense"], &[""]]
    {
        for types in [&[][..], &["classic"], &["Classic"], &["consumer"], &["nonsense"], &["classic", "consumer"]] {
            let request = ListGroupsRequest {
                states_filter: states.iter().map(|state| (*state).to_owned()).collect(),
                types_filter: types.iter().map(|one| (*one).to_owned()).collect(),
            };
            side.part(&format!("states {states:?}, types {types:?}"), &request, &ours).await;
        }
    }
}

async fn deleted(side: &mut Side) {
    let [stable, left, simple, dead] = each_state(side).await;
    let of =
        |groups: &[&str]| DeleteGroupsRequest { groups_names: groups.iter().map(|name| (*name).to_owned()).collect() };
    side.all("stable", &of(&[&stable])).await;
    side.all("dead", &of(&[&dead])).await;
    side.all("none", &of(&[])).await;
    side.all("dead twice", &of(&[&dead, &dead])).await;
    side.at("left", 2, &of(&[&left])).await;
    side.at("left, again", 2, &of(&[&left])).await;
    let in_order = |answer: &mut DeleteGroupsResponse| {
        answer.results.sort_by(|one, other| one.group_id.cmp(&other.group_id));
    };
    side.part_at("simple, and others", 2, &of(&[&simple, &stable, &dead]), in_order).await;
}
