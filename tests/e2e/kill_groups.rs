//! Consumer groups survive a kill of the process: no rebalance, and no committed offset is lost.

use std::time::Duration;

use alluvium_client::Connection;
use alluvium_wire::{
    ErrorCode,
    messages::{
        heartbeat::HeartbeatRequest,
        join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse},
        offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic},
        sync_group::{SyncGroupRequest, SyncGroupRequestAssignment},
    },
};
use bytes::Bytes;
use tokio::time::{sleep, timeout};

use crate::{
    metastores::{Metastore, on_each_metastore},
    records::{connect, topic},
    server::DEADLINE,
};

/// Pause between two attempts, as clients make it.
const PAUSE: Duration = Duration::from_millis(100);

const GROUP: &str = "survivors";
/// The last version of the API that has one group and names topics by name.
const COMMIT_VERSION: i16 = 8;
const FETCH_VERSION: i16 = 7;

async fn join(connection: &Connection, member_id: &str) -> JoinGroupResponse {
    let request = JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 30_000,
        member_id: member_id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::from_static(b"opaque") }],
        ..JoinGroupRequest::default()
    };
    connection.call(&request).await.expect("an answer")
}

/// A member of a stable group of one: its id and generation.
async fn member(connection: &Connection) -> (String, i32) {
    let first = join(connection, "").await;
    assert_eq!(first.error_code, ErrorCode::MEMBER_ID_REQUIRED);
    let joined = join(connection, &first.member_id).await;
    assert_eq!(joined.error_code, ErrorCode::NONE);
    let assignment = SyncGroupRequestAssignment {
        member_id: joined.member_id.clone(),
        assignment: Bytes::from_static(b"all of it"),
    };
    let request = SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: vec![assignment],
        ..SyncGroupRequest::default()
    };
    let synced = connection.call(&request).await.expect("an answer");
    assert_eq!((synced.error_code, synced.assignment), (ErrorCode::NONE, Bytes::from_static(b"all of it")));
    (joined.member_id, joined.generation_id)
}

async fn heartbeat(connection: &Connection, member_id: &str, generation_id: i32) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: GROUP.into(),
        generation_id,
        member_id: member_id.into(),
        ..HeartbeatRequest::default()
    };
    connection.call(&request).await.expect("an answer").error_code
}

/// The answer once there is a coordinator. If other agents can coordinate the group, the lease of the killed one has to
/// expire first.
async fn heartbeat_once_served(connection: &Connection, member_id: &str, generation_id: i32) -> ErrorCode {
    let served = async {
        loop {
            match heartbeat(connection, member_id, generation_id).await {
                ErrorCode::COORDINATOR_NOT_AVAILABLE => sleep(PAUSE).await,
                answer => return answer,
            }
        }
    };
    timeout(DEADLINE, served).await.expect("a coordinator comes back")
}

async fn commit(connection: &Connection, member_id: &str, generation: i32, offset: i64) {
    let partition = OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: offset,
        committed_metadata: Some("note".into()),
        ..OffsetCommitRequestPartition::default()
    };
    let request = OffsetCommitRequest {
        group_id: GROUP.into(),
        generation_id_or_member_epoch: generation,
        member_id: member_id.into(),
        topics: vec![OffsetCommitRequestTopic {
            name: "groups".into(),
            partitions: vec![partition],
            ..OffsetCommitRequestTopic::default()
        }],
        ..OffsetCommitRequest::default()
    };
    let pending = connection.send_at(COMMIT_VERSION, &request).await.expect("sent");
    let answer = pending.response().await.expect("an answer");
    assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::NONE);
}

async fn committed(connection: &Connection) -> (i64, Option<String>) {
    let request = OffsetFetchRequest {
        group_id: GROUP.into(),
        topics: Some(vec![OffsetFetchRequestTopic { name: "groups".into(), partition_indexes: vec![0] }]),
        ..OffsetFetchRequest::default()
    };
    let pending = connection.send_at(FETCH_VERSION, &request).await.expect("sent");
    let answer = pending.response().await.expect("an answer");
    let partition = &answer.topics[0].partitions[0];
    (partition.committed_offset, partition.metadata.clone())
}

on_each_metastore! {
    a_killed_server_comes_back_with_its_groups_and_without_a_rebalance,
}

async fn a_killed_server_comes_back_with_its_groups_and_without_a_rebalance(metastore: Metastore) {
    let mut server = metastore.start(&[]);
    topic(&connect(&server).await, "groups", 1).await;
    let connection = Connection::open(&server.address(), "groups").await.expect("connected");
    let (member_id, generation) = member(&connection).await;
    commit(&connection, &member_id, generation, 42).await;

    server.kill();
    server.restart();

    let connection = Connection::open(&server.address(), "groups").await.expect("connected");
    assert_eq!(heartbeat_once_served(&connection, &member_id, generation).await, ErrorCode::NONE);
    assert_eq!(committed(&connection).await, (42, Some("note".into())));
    assert_eq!(heartbeat(&connection, "stranger", generation).await, ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(heartbeat(&connection, &member_id, generation - 1).await, ErrorCode::ILLEGAL_GENERATION);
}
