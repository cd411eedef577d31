//! Committed offsets, in every version of their APIs.

use alluvium_wire::ErrorCode;
use alluvium_wire::messages::leave_group::LeaveGroupRequest;
use alluvium_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use alluvium_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use alluvium_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use uuid::Uuid;

use crate::groups::{server, stable};

/// A simple consumer's commit of offset 5 in partition `index` of topic "t" (from version 10 its `id` counts).
fn commit(group: &str, id: Uuid, index: i32) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index: index,
        committed_offset: 5,
        committed_leader_epoch: 0,
        committed_metadata: Some("note".into()),
    };
    let topic = OffsetCommitRequestTopic { name: "t".into(), topic_id: id, partitions: vec![partition] };
    OffsetCommitRequest { group_id: group.into(), topics: vec![topic], ..Default::default() }
}

fn code(response: &OffsetCommitResponse) -> ErrorCode {
    response.topics[0].partitions[0].error_code
}

fn fetch_one(group: &str, partitions: &[i32]) -> OffsetFetchRequest {
    let topic = OffsetFetchRequestTopic { name: "t".into(), partition_indexes: partitions.to_vec() };
    OffsetFetchRequest { group_id: group.into(), topics: Some(vec![topic]), ..Default::default() }
}

fn fetch_groups(groups: &[&str], id: Uuid, partitions: Option<&[i32]>) -> OffsetFetchRequest {
    let topic = |partitions: &[i32]| OffsetFetchRequestTopics {
        name: "t".into(),
        topic_id: id,
        partition_indexes: partitions.to_vec(),
    };
    let group = |group: &&str| OffsetFetchRequestGroup {
        group_id: (*group).into(),
        topics: partitions.map(|partitions| vec![topic(partitions)]),
        ..Default::default()
    };
    OffsetFetchRequest { groups: groups.iter().map(group).collect(), ..Default::default() }
}

#[tokio::test]
async fn an_offset_committed_in_any_version_is_fetched_in_any_version() {
    let server = server().await;
    let id = server.topic("t", 12, &[]).await;
    let mut client = server.client().await;
    for version in 2..=10 {
        let index = i32::from(version);
        assert_eq!(code(&client.call(version, &commit("g", id, index)).await), ErrorCode::NONE, "version {version}");
    }
    for version in 1..=7 {
        let fetched = client.call(version, &fetch_one("g", &[10, 11])).await;
        assert_eq!(fetched.error_code, ErrorCode::NONE);
        let [there, missing] = &fetched.topics[0].partitions[..] else { panic!("{fetched:?}") };
        assert_eq!((there.committed_offset, there.metadata.as_deref()), (5, Some("note")));
        assert_eq!(there.committed_leader_epoch, if version >= 5 { 0 } else { -1 });
        assert_eq!((missing.committed_offset, missing.metadata.as_deref()), (-1, Some("")));
        assert_eq!((missing.error_code, missing.committed_leader_epoch), (ErrorCode::NONE, -1));
    }
    for version in 8..=10 {
        let fetched = client.call(version, &fetch_groups(&["g", "none"], id, Some(&[2]))).await;
        let offsets: Vec<_> =
            fetched.groups.iter().map(|group| group.topics[0].partitions[0].committed_offset).collect();
        assert_eq!(offsets, [5, -1], "version {version}");
        let topic = &fetched.groups[0].topics[0];
        let (name, named_id) = if version < 10 { ("t", Uuid::nil()) } else { ("", id) };
        assert_eq!((topic.name.as_str(), topic.topic_id), (name, named_id));
    }
}

#[tokio::test]
async fn null_topics_ask_for_all() {
    let server = server().await;
    let id = server.topic("t", 2, &[]).await;
    let mut client = server.client().await;
    client.call(8, &commit("g", id, 1)).await;
    for version in 2..=7 {
        let all = OffsetFetchRequest { group_id: "g".into(), topics: None, ..Default::default() };
        let fetched = client.call(version, &all).await;
        let topic = &fetched.topics[0];
        assert_eq!((topic.name.as_str(), topic.partitions.len()), ("t", 1));
        assert_eq!((topic.partitions[0].partition_index, topic.partitions[0].committed_offset), (1, 5));
    }
    for version in 8..=10 {
        let fetched = client.call(version, &fetch_groups(&["g"], id, None)).await;
        assert_eq!(fetched.groups[0].topics[0].partitions[0].committed_offset, 5);
    }
}

#[tokio::test]
async fn commits_to_unknown_partitions_fail_alone() {
    let server = server().await;
    let id = server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let mut request = commit("g", id, 0);
    request.topics[0].partitions.push(OffsetCommitRequestPartition { partition_index: 7, ..Default::default() });
    let unknown = OffsetCommitRequestPartition { committed_offset: 1, ..Default::default() };
    request.topics.push(OffsetCommitRequestTopic {
        name: "unknown".into(),
        topic_id: Uuid::from_u128(9),
        partitions: vec![unknown],
    });
    for (version, expected) in [(9, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), (10, ErrorCode::UNKNOWN_TOPIC_ID)] {
        let response = client.call(version, &request).await;
        let codes: Vec<_> = response.topics.iter().flat_map(|topic| &topic.partitions).map(|p| p.error_code).collect();
        assert_eq!(codes, [ErrorCode::NONE, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, expected]);
    }
    let fetched = client.call(10, &fetch_groups(&["g"], Uuid::from_u128(9), Some(&[0]))).await;
    let partition = &fetched.groups[0].topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.committed_offset), (ErrorCode::UNKNOWN_TOPIC_ID, -1));
}

#[tokio::test]
async fn commits_are_fenced_by_member_and_generation() {
    let server = server().await;
    let id = server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let joined = stable(&mut client, "g", 9).await;
    let by = |member: &str, generation| OffsetCommitRequest {
        member_id: member.into(),
        generation_id_or_member_epoch: generation,
        ..commit("g", id, 0)
    };
    let member = joined.member_id.as_str();
    for (request, expected) in [
        (by(member, 1), ErrorCode::NONE),
        (by(member, 0), ErrorCode::ILLEGAL_GENERATION),
        (by("stranger", 1), ErrorCode::UNKNOWN_MEMBER_ID),
        (by("", -1), ErrorCode::UNKNOWN_MEMBER_ID),
    ] {
        assert_eq!(code(&client.call(9, &request).await), expected, "{request:?}");
    }
    let elsewhere = OffsetCommitRequest { group_id: "none".into(), ..by(member, 1) };
    assert_eq!(code(&client.call(8, &elsewhere).await), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(code(&client.call(9, &elsewhere).await), ErrorCode::GROUP_ID_NOT_FOUND);
}

#[tokio::test]
async fn too_much_metadata_is_rejected() {
    let server = server().await;
    let id = server.topic("t", 1, &[]).await;
    let mut request = commit("g", id, 0);
    request.topics[0].partitions[0].committed_metadata = Some("x".repeat(4_097));
    let response = server.client().await.call(9, &request).await;
    assert_eq!(code(&response), ErrorCode::OFFSET_METADATA_TOO_LARGE);
}

#[tokio::test]
async fn offsets_of_subscribed_topics_are_not_deleted() {
    let server = server().await;
    let id = server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    client.call(8, &commit("g", id, 0)).await;
    let joined = stable(&mut client, "g", 9).await;
    let topic = |name: &str, index| OffsetDeleteRequestTopic {
        name: name.into(),
        partitions: vec![OffsetDeleteRequestPartition { partition_index: index }],
    };
    let request =
        OffsetDeleteRequest { group_id: "g".into(), topics: vec![topic("t", 0), topic("t", 5), topic("unknown", 0)] };
    let codes = |response: alluvium_wire::messages::offset_delete::OffsetDeleteResponse| {
        assert_eq!(response.error_code, ErrorCode::NONE);
        response.topics.into_iter().map(|topic| topic.partitions[0].error_code).collect::<Vec<_>>()
    };
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let refused = codes(client.call(0, &request).await);
    assert_eq!(refused, [ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC, unknown, unknown]);
    let leave = LeaveGroupRequest { group_id: "g".into(), member_id: joined.member_id, ..Default::default() };
    client.call(1, &leave).await;
    assert_eq!(codes(client.call(0, &request).await), [ErrorCode::NONE, unknown, unknown]);
    let fetched = client.call(7, &fetch_one("g", &[0])).await;
    assert_eq!(fetched.topics[0].partitions[0].committed_offset, -1);
    let none = OffsetDeleteRequest { group_id: "none".into(), topics: vec![topic("t", 0)] };
    assert_eq!(client.call(0, &none).await.error_code, ErrorCode::GROUP_ID_NOT_FOUND);
}

#[tokio::test]
async fn repeated_groups_and_partitions_are_answered_once() {
    let server = server().await;
    let id = server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    client.call(9, &commit("g", id, 0)).await;
    let all = client.call(9, &fetch_groups(&["g", "h", "g", "g"], id, None)).await;
    assert_eq!(all.groups.iter().map(|group| group.group_id.as_str()).collect::<Vec<_>>(), ["g", "h"]);
    let named = client.call(9, &fetch_groups(&["g"], id, Some(&[0, 0, 5, 0, 5]))).await;
    let partitions = named.groups[0].topics[0].partitions.iter().map(|partition| partition.partition_index);
    assert_eq!(partitions.collect::<Vec<_>>(), [0, 5]);
}
