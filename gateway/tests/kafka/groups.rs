//! Consumer groups, in every version of their APIs.

use std::time::Duration;

use alluvium_wire::ErrorCode;
use alluvium_wire::messages::delete_groups::DeleteGroupsRequest;
use alluvium_wire::messages::describe_groups::DescribeGroupsRequest;
use alluvium_wire::messages::find_coordinator::FindCoordinatorRequest;
use alluvium_wire::messages::heartbeat::HeartbeatRequest;
use alluvium_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use alluvium_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use alluvium_wire::messages::list_groups::ListGroupsRequest;
use alluvium_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use bytes::Bytes;

use crate::client::Client;
use crate::server::Server;

/// A server whose groups do not wait for more members.
pub async fn server() -> Server {
    Server::configured(|config| config.group_initial_rebalance_delay = Duration::ZERO).await
}

pub fn join(group: &str, member: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: member.into(),
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol { name: "range".into(), metadata: subscription("t") }],
        ..Default::default()
    }
}

fn subscription(topic: &str) -> Bytes {
    Bytes::from([&[0, 0, 0, 0, 0, 1, 0, topic.len() as u8], topic.as_bytes()].concat())
}

fn sync(group: &str, joined: &JoinGroupResponse, work: &[(&str, &'static [u8])]) -> SyncGroupRequest {
    let assignment = |(member, work): &(&str, &'static [u8])| SyncGroupRequestAssignment {
        member_id: (*member).into(),
        assignment: Bytes::from_static(work),
    };
    SyncGroupRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: work.iter().map(assignment).collect(),
        ..Default::default()
    }
}

/// Joins `group` as its only member, and syncs.
pub async fn stable(client: &mut Client, group: &str, version: i16) -> JoinGroupResponse {
    let mut joined = client.call(version, &join(group, "")).await;
    if version >= 4 {
        assert_eq!((joined.error_code, joined.generation_id), (ErrorCode::MEMBER_ID_REQUIRED, -1));
        joined = client.call(version, &join(group, &joined.member_id)).await;
    }
    assert_eq!(joined.error_code, ErrorCode::NONE);
    let member = joined.member_id.clone();
    let synced = client.call(version.min(5), &sync(group, &joined, &[(&member, b"all")])).await;
    assert_eq!((synced.error_code, synced.assignment), (ErrorCode::NONE, Bytes::from_static(b"all")));
    joined
}

fn heartbeat(group: &str, joined: &JoinGroupResponse) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_single_agent_coordinates_everything() {
    let server = server().await;
    let mut client = server.client().await;
    for version in 0..=3 {
        let request = FindCoordinatorRequest { key: "g".into(), ..Default::default() };
        let found = client.call(version, &request).await;
        assert_eq!((found.error_code, found.node_id, found.host.as_str()), (ErrorCode::NONE, 0, "127.0.0.1"));
        assert_eq!(found.port, i32::from(server.address.port()));
    }
    for version in 4..=6 {
        let keys = vec!["g".into(), "h".into()];
        let request = FindCoordinatorRequest { key_type: 1, coordinator_keys: keys, ..Default::default() };
        let found = client.call(version, &request).await.coordinators;
        assert_eq!(found.iter().map(|found| found.key.as_str()).collect::<Vec<_>>(), ["g", "h"]);
        assert!(found.iter().all(|found| found.error_code == ErrorCode::NONE && found.node_id == 0));
    }
}

#[tokio::test]
async fn an_unknown_kind_of_key_has_no_coordinator() {
    let server = server().await;
    let mut client = server.client().await;
    let one = FindCoordinatorRequest { key: "g".into(), key_type: 2, ..Default::default() };
    let found = client.call(3, &one).await;
    let nowhere = (ErrorCode::INVALID_REQUEST, -1, "", -1);
    assert_eq!((found.error_code, found.node_id, found.host.as_str(), found.port), nowhere);
    let many = FindCoordinatorRequest { key_type: 2, coordinator_keys: vec!["g".into()], ..Default::default() };
    let found = &client.call(6, &many).await.coordinators[0];
    assert_eq!((found.error_code, found.node_id, found.host.as_str(), found.port), nowhere);
}

#[tokio::test]
async fn a_member_of_every_version_joins_syncs_heartbeats_and_leaves() {
    let server = server().await;
    let mut client = server.client().await;
    for version in 0..=9 {
        let group = format!("g{version}");
        let joined = stable(&mut client, &group, version).await;
        assert_eq!((joined.generation_id, joined.members.len()), (1, 1), "version {version}");
        assert_eq!((joined.leader.as_str(), joined.protocol_name.as_deref()), (&*joined.member_id, Some("range")));
        assert_eq!(joined.protocol_type.as_deref(), (version >= 7).then_some("consumer"));
        assert!(joined.member_id.starts_with("test-"), "{}", joined.member_id);
        assert_eq!(client.call(version.min(4), &heartbeat(&group, &joined)).await.error_code, ErrorCode::NONE);
        let leave_version = version.min(5);
        let identity = MemberIdentity { member_id: joined.member_id.clone(), ..Default::default() };
        let leave =
            LeaveGroupRequest { group_id: group.clone(), member_id: joined.member_id.clone(), members: vec![identity] };
        let left = client.call(leave_version, &leave).await;
        assert_eq!(left.error_code, ErrorCode::NONE);
        assert_eq!(left.members.len(), usize::from(leave_version >= 3));
        let gone = client.call(0, &heartbeat(&group, &joined)).await;
        assert_eq!(gone.error_code, ErrorCode::UNKNOWN_MEMBER_ID);
    }
}

/// `a` is alone in group `g` until `b` joins: the rebalance waits for `a`.
async fn joined_by_another(a: &mut Client, b: &mut Client) -> JoinGroupResponse {
    let leader = stable(a, "g", 9).await;
    let promised = b.call(9, &join("g", "")).await;
    b.send(9, &join("g", &promised.member_id)).await;
    while a.call(4, &heartbeat("g", &leader)).await.error_code != ErrorCode::REBALANCE_IN_PROGRESS {
        tokio::task::yield_now().await;
    }
    leader
}

#[tokio::test]
async fn two_members_get_assignments_and_only_the_leader_sees_both() {
    let server = server().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    let leader = joined_by_another(&mut a, &mut b).await;
    let leader = a.call(9, &join("g", &leader.member_id)).await;
    let (_, follower) = b.receive::<JoinGroupResponse>(9).await;
    assert_eq!((leader.generation_id, follower.generation_id), (2, 2));
    assert_eq!((leader.members.len(), follower.members.len()), (2, 0));
    assert_eq!(follower.leader, leader.member_id);
    b.send(5, &sync("g", &follower, &[])).await;
    let work = [(&*leader.member_id, &b"mine"[..]), (&*follower.member_id, b"yours")];
    assert_eq!(a.call(5, &sync("g", &leader, &work)).await.assignment, Bytes::from_static(b"mine"));
    let (_, synced) = b.receive::<alluvium_wire::messages::sync_group::SyncGroupResponse>(5).await;
    assert_eq!(synced.assignment, Bytes::from_static(b"yours"));
    assert_eq!(synced.protocol_name.as_deref(), Some("range"));
}

#[tokio::test]
async fn a_connection_that_closes_is_not_waited_for() {
    let server = server().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    let leader = joined_by_another(&mut a, &mut b).await;
    b.finish().await;
    let alone = a.call(9, &join("g", &leader.member_id)).await;
    assert_eq!((alone.generation_id, alone.members.len()), (2, 1));
}

#[tokio::test]
async fn a_restarted_static_member_keeps_its_assignment_and_the_old_one_is_fenced() {
    let server = server().await;
    let mut client = server.client().await;
    let fixed = |member: &str| JoinGroupRequest { group_instance_id: Some("disk".into()), ..join("g", member) };
    let first = client.call(9, &fixed("")).await;
    assert_eq!(first.error_code, ErrorCode::NONE, "a static member needs no second join");
    let member = first.member_id.clone();
    client.call(5, &sync("g", &first, &[(&member, b"all")])).await;
    let second = client.call(9, &fixed("")).await;
    assert_eq!((second.error_code, second.generation_id), (ErrorCode::NONE, 1));
    assert!(second.skip_assignment && second.leader == second.member_id && second.members.len() == 1);
    let synced = client.call(5, &sync("g", &second, &[])).await;
    assert_eq!(synced.assignment, Bytes::from_static(b"all"));
    let old = HeartbeatRequest { group_instance_id: Some("disk".into()), ..heartbeat("g", &first) };
    assert_eq!(client.call(3, &old).await.error_code, ErrorCode::FENCED_INSTANCE_ID);
    let by_instance = MemberIdentity { group_instance_id: Some("disk".into()), ..Default::default() };
    let stranger = MemberIdentity { member_id: "stranger".into(), ..Default::default() };
    let leave = LeaveGroupRequest { group_id: "g".into(), members: vec![by_instance, stranger], ..Default::default() };
    let left = client.call(4, &leave).await;
    let codes: Vec<_> = left.members.iter().map(|member| member.error_code).collect();
    assert_eq!((left.error_code, codes), (ErrorCode::NONE, vec![ErrorCode::NONE, ErrorCode::UNKNOWN_MEMBER_ID]));
}

#[tokio::test]
async fn errors_have_kafkas_codes() {
    let server = server().await;
    let mut client = server.client().await;
    let joined = stable(&mut client, "g", 9).await;
    let cases = [
        (JoinGroupRequest { session_timeout_ms: 5_999, ..join("h", "") }, ErrorCode::INVALID_SESSION_TIMEOUT),
        (JoinGroupRequest { session_timeout_ms: -1, ..join("h", "") }, ErrorCode::INVALID_SESSION_TIMEOUT),
        (join("", ""), ErrorCode::INVALID_GROUP_ID),
        (join("h", "stranger"), ErrorCode::UNKNOWN_MEMBER_ID),
        (JoinGroupRequest { protocols: Vec::new(), ..join("h", "") }, ErrorCode::INCONSISTENT_GROUP_PROTOCOL),
        (JoinGroupRequest { protocol_type: "connect".into(), ..join("g", "") }, ErrorCode::INCONSISTENT_GROUP_PROTOCOL),
    ];
    for (request, expected) in cases {
        let refused = client.call(9, &request).await;
        assert_eq!((refused.error_code, &refused.member_id), (expected, &request.member_id), "{request:?}");
    }
    let unnamed = SyncGroupRequest { protocol_name: None, ..sync("g", &joined, &[]) };
    assert_eq!(client.call(5, &unnamed).await.error_code, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    let stale = SyncGroupRequest { generation_id: 0, ..sync("g", &joined, &[]) };
    assert_eq!(client.call(5, &stale).await.error_code, ErrorCode::ILLEGAL_GENERATION);
    let stale = HeartbeatRequest { generation_id: 7, ..heartbeat("g", &joined) };
    assert_eq!(client.call(4, &stale).await.error_code, ErrorCode::ILLEGAL_GENERATION);
    let stranger = LeaveGroupRequest { group_id: "g".into(), member_id: "stranger".into(), ..Default::default() };
    assert_eq!(client.call(1, &stranger).await.error_code, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[tokio::test]
async fn groups_are_described_and_missing_ones_are_dead_or_not_found() {
    let server = server().await;
    let mut client = server.client().await;
    let joined = stable(&mut client, "g", 9).await;
    for version in 0..=6 {
        let request = DescribeGroupsRequest {
            groups: vec!["g".into(), "none".into()],
            include_authorized_operations: version >= 3,
        };
        let groups = client.call(version, &request).await.groups;
        let (there, missing) = (&groups[0], &groups[1]);
        assert_eq!((there.error_code, there.group_state.as_str()), (ErrorCode::NONE, "Stable"));
        assert_eq!((there.protocol_type.as_str(), there.protocol_data.as_str()), ("consumer", "range"));
        let member = &there.members[0];
        assert_eq!((&member.member_id, member.client_id.as_str()), (&joined.member_id, "test"));
        assert_eq!((member.client_host.as_str(), &*member.member_assignment), ("/127.0.0.1", &b"all"[..]));
        assert_eq!(there.authorized_operations, if version >= 3 { 3_400 } else { i32::MIN });
        assert_eq!(missing.group_state, "Dead");
        let expected = if version < 6 { ErrorCode::NONE } else { ErrorCode::GROUP_ID_NOT_FOUND };
        assert_eq!(missing.error_code, expected, "version {version}");
        assert_eq!(missing.error_message.as_deref(), (version >= 6).then_some("Group none not found."));
    }
}

#[tokio::test]
async fn groups_are_listed_by_state_and_type() {
    let server = server().await;
    let mut client = server.client().await;
    stable(&mut client, "g", 9).await;
    let names = |states: &[&str], types: &[&str]| ListGroupsRequest {
        states_filter: states.iter().map(|text| (*text).to_owned()).collect(),
        types_filter: types.iter().map(|text| (*text).to_owned()).collect(),
    };
    for version in 0..=5 {
        let listed = client.call(version, &names(&[], &[])).await.groups;
        assert_eq!((listed.len(), listed[0].protocol_type.as_str()), (1, "consumer"));
        assert_eq!(listed[0].group_state, if version >= 4 { "Stable" } else { "" });
        assert_eq!(listed[0].group_type, if version >= 5 { "classic" } else { "" });
    }
    for (states, types, count) in [
        (&["stable"][..], &[][..], 1),
        (&["Empty"], &[], 0),
        (&["Empty", "Stable"], &["Classic"], 1),
        (&[], &["consumer"], 0),
    ] {
        assert_eq!(client.call(5, &names(states, types)).await.groups.len(), count, "{states:?} {types:?}");
    }
}

#[tokio::test]
async fn only_groups_without_members_are_deleted() {
    let server = server().await;
    let mut client = server.client().await;
    let joined = stable(&mut client, "g", 9).await;
    let delete = DeleteGroupsRequest { groups_names: vec!["g".into(), "none".into()] };
    let codes = |response: alluvium_wire::messages::delete_groups::DeleteGroupsResponse| {
        response.results.into_iter().map(|result| result.error_code).collect::<Vec<_>>()
    };
    let refused = codes(client.call(2, &delete).await);
    assert_eq!(refused, [ErrorCode::NON_EMPTY_GROUP, ErrorCode::GROUP_ID_NOT_FOUND]);
    let leave = LeaveGroupRequest { group_id: "g".into(), member_id: joined.member_id, ..Default::default() };
    client.call(1, &leave).await;
    assert_eq!(codes(client.call(0, &delete).await), [ErrorCode::NONE, ErrorCode::GROUP_ID_NOT_FOUND]);
}
