//! Several agents, as clients see them: brokers, leaders and coordinators.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_wire::ErrorCode;
use alluvium_wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use alluvium_wire::messages::delete_groups::DeleteGroupsRequest;
use alluvium_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use alluvium_wire::messages::describe_cluster::DescribeClusterRequest;
use alluvium_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use alluvium_wire::messages::describe_groups::DescribeGroupsRequest;
use alluvium_wire::messages::describe_log_dirs::DescribeLogDirsRequest;
use alluvium_wire::messages::describe_topic_partitions::{DescribeTopicPartitionsRequest, TopicRequest};
use alluvium_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use alluvium_wire::messages::find_coordinator::FindCoordinatorRequest;
use alluvium_wire::messages::heartbeat::HeartbeatRequest;
use alluvium_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use alluvium_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use alluvium_wire::messages::list_groups::ListGroupsRequest;
use alluvium_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use alluvium_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use alluvium_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use alluvium_wire::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic};
use alluvium_wire::messages::sync_group::SyncGroupRequest;

use crate::batches::records;
use crate::client::Client;
use crate::groups::join;
use crate::producing::{append, response};
use crate::server::{Server, SharedStores};

const TOPIC: i8 = 2;

async fn metadata(client: &mut Client, topic: &str) -> MetadataResponse {
    let topic = MetadataRequestTopic { name: Some(topic.into()), ..Default::default() };
    client.call(12, &MetadataRequest { topics: Some(vec![topic]), ..Default::default() }).await
}

fn brokers(metadata: &MetadataResponse) -> BTreeMap<i32, Option<String>> {
    metadata.brokers.iter().map(|broker| (broker.node_id, broker.rack.clone())).collect()
}

fn leaders(metadata: &MetadataResponse) -> Vec<i32> {
    metadata.topics[0].partitions.iter().map(|partition| partition.leader_id).collect()
}

async fn coordinator(client: &mut Client, group: &str) -> i32 {
    let request = FindCoordinatorRequest { coordinator_keys: vec![group.into()], ..Default::default() };
    let found = client.call(6, &request).await.coordinators.remove(0);
    assert_eq!(found.error_code, ErrorCode::NONE);
    found.node_id
}

/// The name of a group that `server` does not coordinate.
async fn group_of_another(server: &Server) -> String {
    let mut client = server.client().await;
    for n in 0.. {
        let group = format!("group-{n}");
        if coordinator(&mut client, &group).await != server.id() {
            return group;
        }
    }
    unreachable!("every agent has its share")
}

#[tokio::test]
async fn all_agents_name_the_same_leaders() {
    let stores = SharedStores::new().await;
    let servers = stores.agents([Some("a"), Some("a"), Some("b")]).await;
    servers[0].topic("t", 50, &[]).await;
    let mut answers = BTreeSet::new();
    for server in &servers {
        let metadata = metadata(&mut server.client().await, "t").await;
        let zones = [(0, "a"), (1, "a"), (2, "b")].map(|(id, zone)| (id, Some(zone.to_owned())));
        assert_eq!(brokers(&metadata), BTreeMap::from(zones));
        assert_eq!(metadata.controller_id, server.id());
        for partition in &metadata.topics[0].partitions {
            let leader = partition.leader_id;
            assert_eq!((partition.replica_nodes[0], &partition.isr_nodes), (leader, &partition.replica_nodes));
            // One for each zone: the leader, and the one that consumers of the other zone are sent to.
            let zones: BTreeSet<bool> = partition.replica_nodes.iter().map(|id| *id == 2).collect();
            assert_eq!((partition.replica_nodes.len(), zones.len()), (2, 2));
            assert_eq!((partition.leader_epoch, partition.error_code), (0, ErrorCode::NONE));
        }
        answers.insert(leaders(&metadata));
        let paged = DescribeTopicPartitionsRequest {
            topics: vec![TopicRequest { name: "t".into() }],
            response_partition_limit: 100,
            ..Default::default()
        };
        let paged = server.client().await.call(0, &paged).await.topics.remove(0).partitions;
        answers.insert(paged.iter().map(|partition| partition.leader_id).collect());
    }
    assert_eq!(answers.len(), 1);
    let used: BTreeSet<i32> = answers.pop_first().unwrap().into_iter().collect();
    assert_eq!(used, BTreeSet::from([0, 1, 2]));
}

#[tokio::test]
async fn clients_are_sent_to_agents_of_their_zone_and_the_same_rank_leads_the_same_partitions() {
    let stores = SharedStores::new().await;
    let servers = stores.agents([Some("a"), Some("a"), Some("b"), Some("b")]).await;
    servers[0].topic("t", 50, &[]).await;
    let ask = |client_id: &'static str| {
        let server = &servers[3];
        async move { leaders(&metadata(&mut server.client().await.with_client_id(client_id), "t").await) }
    };
    let (a, b) = (ask("app,zone=a").await, ask("ws_az=b").await);
    assert_eq!(a.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1]));
    assert_eq!(b.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([2, 3]));
    // Agents 0 and 2 have rank 0, agents 1 and 3 rank 1.
    assert_eq!(a.iter().map(|id| id + 2).collect::<Vec<_>>(), b);
    // Clients of a zone without agents get a leader, too.
    assert_eq!(ask("zone=elsewhere").await, ask("plain").await);
}

#[tokio::test]
async fn consumers_that_give_their_rack_are_sent_to_the_leader_of_their_zone() {
    let stores = SharedStores::new().await;
    let servers = stores.agents([Some("a"), Some("b")]).await;
    let id = servers[0].topic("t", 1, &[]).await;
    let produced = servers[0].client().await.call(8, &append("t", 0, -1, records(3))).await;
    assert_eq!(response(&produced).error_code, ErrorCode::NONE);
    let requested = FetchPartition { fetch_offset: 0, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: "t".into(), topic_id: id, partitions: vec![requested] };
    let fetch = |rack: &str| FetchRequest {
        max_wait_ms: 10_000,
        min_bytes: 1,
        max_bytes: 1 << 20,
        rack_id: rack.into(),
        topics: vec![topic.clone()],
        ..Default::default()
    };
    for version in 4..=18 {
        for (server, rack, sent_to) in
            [(0, "b", 1), (0, "a", -1), (1, "a", 0), (1, "b", -1), (0, "elsewhere", -1), (0, "", -1)]
        {
            let sent_to = if version < 11 { -1 } else { sent_to };
            let found = servers[server].client().await.call(version, &fetch(rack)).await;
            let found = &found.responses[0].partitions[0];
            assert_eq!(
                (found.error_code, found.preferred_read_replica),
                (ErrorCode::NONE, sent_to),
                "{version} {rack}"
            );
            let has_records = !found.records.clone().unwrap().into_parts().concat().is_empty();
            assert_eq!(has_records, sent_to == -1, "{version} {rack}");
        }
    }
}

#[tokio::test]
async fn a_draining_agent_names_the_others_only() {
    let stores = SharedStores::new().await;
    let servers = stores.agents([None, None]).await;
    servers[0].topic("t", 20, &[]).await;
    let before = leaders(&metadata(&mut servers[0].client().await, "t").await);
    assert!(before.contains(&0) && before.contains(&1));
    servers[0].agent.session.drain().await;
    servers[1].knows(1).await;
    for server in &servers {
        let mut client = server.client().await;
        let metadata = metadata(&mut client, "t").await;
        assert_eq!(brokers(&metadata).into_keys().collect::<Vec<_>>(), [1]);
        assert_eq!((metadata.controller_id, leaders(&metadata)), (1, vec![1; 20]));
        let described = client.call(1, &DescribeClusterRequest { endpoint_type: 1, ..Default::default() }).await;
        assert_eq!((described.controller_id, described.brokers.len()), (1, 1));
        assert_eq!(coordinator(&mut client, "any").await, 1);
    }
    // It still serves clients that have not moved yet.
    let produced = servers[0].client().await.call(8, &append("t", 0, -1, records(1))).await;
    assert_eq!(response(&produced).error_code, ErrorCode::NONE);
    // If no other agent is left, they name themselves rather than nobody.
    servers[1].agent.session.drain().await;
    let metadata = metadata(&mut servers[1].client().await, "t").await;
    assert!(!metadata.brokers.is_empty());
    assert!(leaders(&metadata).iter().all(|leader| brokers(&metadata).contains_key(leader)));
}

#[tokio::test]
async fn every_group_request_is_rejected_by_all_but_the_coordinator() {
    let stores = SharedStores::new().await;
    let servers = stores.agents([None, None]).await;
    servers[0].topic("t", 1, &[]).await;
    let group = group_of_another(&servers[0]).await;
    let mut client = servers[0].client().await;
    let elsewhere = ErrorCode::NOT_COORDINATOR;
    for version in 0..=9 {
        assert_eq!(client.call(version, &join(&group, "")).await.error_code, elsewhere);
    }
    for version in 0..=5 {
        let sync = SyncGroupRequest {
            group_id: group.clone(),
            member_id: "m".into(),
            protocol_type: Some("consumer".into()),
            protocol_name: Some("range".into()),
            ..Default::default()
        };
        assert_eq!(client.call(version, &sync).await.error_code, elsewhere);
        let members = vec![MemberIdentity { member_id: "m".into(), ..Default::default() }];
        let leave = LeaveGroupRequest { group_id: group.clone(), member_id: "m".into(), members };
        assert_eq!(client.call(version, &leave).await.error_code, elsewhere);
    }
    for version in 0..=4 {
        let beat = HeartbeatRequest { group_id: group.clone(), member_id: "m".into(), ..Default::default() };
        assert_eq!(client.call(version, &beat).await.error_code, elsewhere);
    }
    for version in 0..=6 {
        let describe = DescribeGroupsRequest { groups: vec![group.clone()], ..Default::default() };
        let described = client.call(version, &describe).await.groups.remove(0);
        assert_eq!((described.error_code, described.group_id), (elsewhere, group.clone()));
    }
    for version in 0..=2 {
        let delete = DeleteGroupsRequest { groups_names: vec![group.clone()] };
        assert_eq!(client.call(version, &delete).await.results[0].error_code, elsewhere);
    }
    let partition = OffsetDeleteRequestPartition { partition_index: 0 };
    let topics = vec![OffsetDeleteRequestTopic { name: "t".into(), partitions: vec![partition] }];
    let delete = OffsetDeleteRequest { group_id: group.clone(), topics };
    assert_eq!(client.call(0, &delete).await.error_code, elsewhere);
}

#[tokio::test]
async fn offsets_are_committed_and_fetched_at_the_coordinator_only() {
    let stores = SharedStores::new().await;
    let servers = stores.agents([None, None]).await;
    let id = servers[0].topic("t", 1, &[]).await;
    let group = group_of_another(&servers[0]).await;
    let commit = |offset| {
        let partition = OffsetCommitRequestPartition { committed_offset: offset, ..Default::default() };
        let topic = OffsetCommitRequestTopic { name: "t".into(), topic_id: id, partitions: vec![partition] };
        OffsetCommitRequest {
            group_id: group.clone(),
            generation_id_or_member_epoch: -1,
            retention_time_ms: -1,
            topics: vec![topic],
            ..Default::default()
        }
    };
    let (mut other, mut coordinator) = (servers[0].client().await, servers[1].client().await);
    for version in 2..=10 {
        let code = |response: &alluvium_wire::messages::offset_commit::OffsetCommitResponse| {
            response.topics[0].partitions[0].error_code
        };
        assert_eq!(code(&other.call(version, &commit(5)).await), ErrorCode::NOT_COORDINATOR, "version {version}");
        assert_eq!(code(&coordinator.call(version, &commit(5)).await), ErrorCode::NONE, "version {version}");
    }
    for version in 1..=10 {
        let topic = OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0] };
        let all = OffsetFetchRequestGroup { group_id: group.clone(), topics: None, ..Default::default() };
        let groups = vec![all];
        let request =
            OffsetFetchRequest { group_id: group.clone(), topics: Some(vec![topic]), groups, ..Default::default() };
        let (refused, found) = (other.call(version, &request).await, coordinator.call(version, &request).await);
        let code = match version {
            1 => refused.topics[0].partitions[0].error_code,
            2..=7 => refused.error_code,
            _ => refused.groups[0].error_code,
        };
        assert_eq!(code, ErrorCode::NOT_COORDINATOR, "version {version}");
        let offset = match version {
            1..=7 => found.topics[0].partitions[0].committed_offset,
            _ => found.groups[0].topics[0].partitions[0].committed_offset,
        };
        assert_eq!(offset, 5, "version {version}");
    }
}

#[tokio::test]
async fn tools_that_ask_all_agents_find_everything_once() {
    let stores = SharedStores::new().await;
    let servers = stores.agents([None, None, None]).await;
    servers[0].topic("t", 30, &[]).await;
    let mut client = servers[0].client().await;
    for n in 0..10 {
        let group = format!("g{n}");
        let id = coordinator(&mut client, &group).await;
        let partition = OffsetCommitRequestPartition { committed_offset: n, ..Default::default() };
        let topics =
            vec![OffsetCommitRequestTopic { name: "t".into(), partitions: vec![partition], ..Default::default() }];
        let request =
            OffsetCommitRequest { group_id: group, generation_id_or_member_epoch: -1, topics, ..Default::default() };
        let server = servers.iter().find(|server| server.id() == id).unwrap();
        let committed = server.client().await.call(8, &request).await;
        assert_eq!(committed.topics[0].partitions[0].error_code, ErrorCode::NONE);
    }
    let (mut groups, mut partitions) = (Vec::new(), Vec::new());
    for server in &servers {
        let mut client = server.client().await;
        let listed = client.call(5, &ListGroupsRequest::default()).await.groups;
        groups.extend(listed.into_iter().map(|listed| listed.group_id));
        let dirs = client.call(4, &DescribeLogDirsRequest { topics: None }).await.results.remove(0);
        partitions.extend(dirs.topics.into_iter().flat_map(|topic| topic.partitions).map(|one| one.partition_index));
    }
    groups.sort_unstable();
    partitions.sort_unstable();
    assert_eq!(groups, (0..10).map(|n| format!("g{n}")).collect::<Vec<_>>());
    assert_eq!(partitions, (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_change_through_one_agent_is_seen_by_the_others_at_once() {
    let stores = SharedStores::new().await;
    let servers = stores.agents([None, None]).await;
    let (mut a, mut b) = (servers[0].client().await, servers[1].client().await);
    for round in 0..20 {
        let name = format!("t{round}");
        servers[0].topic(&name, 1, &[]).await;
        assert_eq!(response(&b.call(8, &append(&name, 0, -1, records(1))).await).error_code, ErrorCode::NONE);
        let grow = CreatePartitionsTopic { name: name.clone(), count: 2, assignments: None };
        let grown = CreatePartitionsRequest { topics: vec![grow], ..Default::default() };
        assert_eq!(a.call(3, &grown).await.results[0].error_code, ErrorCode::NONE);
        assert_eq!(response(&b.call(8, &append(&name, 1, -1, records(1))).await).error_code, ErrorCode::NONE);
        assert_eq!(leaders(&metadata(&mut b, &name).await).len(), 2);
        let config = AlterableConfig { name: "retention.ms".into(), config_operation: 0, value: Some("4711".into()) };
        let resource =
            AlterConfigsResource { resource_type: TOPIC, resource_name: name.clone(), configs: vec![config] };
        let alter = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
        assert_eq!(a.call(1, &alter).await.responses[0].error_code, ErrorCode::NONE);
        let resource = DescribeConfigsResource {
            resource_type: TOPIC,
            resource_name: name.clone(),
            configuration_keys: Some(vec!["retention.ms".into()]),
        };
        let describe = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
        let described = b.call(4, &describe).await.results.remove(0).configs.remove(0);
        assert_eq!(described.value.as_deref(), Some("4711"));
        let topic = DeleteTopicState { name: Some(name.clone()), ..Default::default() };
        let delete = DeleteTopicsRequest { topics: vec![topic], ..Default::default() };
        assert_eq!(a.call(6, &delete).await.responses[0].error_code, ErrorCode::NONE);
        // And created again, with another number of partitions.
        servers[1].topic(&name, 3, &[]).await;
        assert_eq!(leaders(&metadata(&mut a, &name).await).len(), 3);
    }
}
