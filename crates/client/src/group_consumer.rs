//! A member of a consumer group: joins, heartbeats, commits, leaves. Partitions are assigned by ranges.
//!
//! Owns: the membership. Does not own: reading, when to call what, and retries of commits. Invariant: after any error
//! except that of a connection, [`MemberError`] says whether the member still owns its assignment.

use std::{collections::BTreeMap, time::Duration};

use alluvium_wire::{
    ErrorCode, Request,
    messages::{
        heartbeat::HeartbeatRequest,
        join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse},
        leave_group::{LeaveGroupRequest, MemberIdentity},
        offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        sync_group::{SyncGroupRequest, SyncGroupRequestAssignment},
    },
};
use thiserror::Error;

use crate::{ClientError, ConnectionPool, assignment};

/// Kafka's range assignor, the only one that this client has.
const PROTOCOL: &str = "range";

/// The group to join, and how.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// `group.id`: the group's name.
    pub group: String,
    /// The topics that the member subscribes to.
    pub topics: Vec<String>,
    /// `session.timeout.ms`: time without a heartbeat after which the member is removed.
    pub session_timeout: Duration,
    /// `max.poll.interval.ms`: how long a rebalance waits for the member.
    pub rebalance_timeout: Duration,
    /// `group.instance.id`: the name of a static member; `None` for a dynamic one.
    pub instance: Option<String>,
}

/// The outcome of a join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinedGeneration {
    /// The group's generation id.
    pub generation: i32,
    /// The member id.
    pub member: String,
    /// The member's partitions, by topic.
    pub assignment: BTreeMap<String, Vec<i32>>,
}

/// Why a member's request failed.
#[derive(Debug, Error)]
pub enum MemberError {
    /// The group rebalances: the member still owns its assignment until it joins again, which it should do.
    #[error("the group is rebalancing")]
    Rebalance,
    /// The member is not in the current generation: its assignment may be another's.
    #[error("not a member of the current generation: {0:?}")]
    Lost(ErrorCode),
    /// Another member joined with the same `group.instance.id`.
    #[error("another member has this group.instance.id")]
    Fenced,
    /// The connection or the coordinator failed: the state of the membership is unknown.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A member of a group.
pub struct GroupConsumer {
    connections: ConnectionPool,
    config: GroupConfig,
    /// Address of the coordinator; `None` if it must be looked up.
    coordinator: Option<String>,
    member: String,
    generation: i32,
}

impl GroupConsumer {
    /// A consumer that has not joined yet.
    #[must_use]
    pub fn new(connections: ConnectionPool, config: GroupConfig) -> Self {
        Self { connections, config, coordinator: None, member: String::new(), generation: -1 }
    }

    /// The connections to the brokers, for reading.
    pub fn connections(&mut self) -> &mut ConnectionPool {
        &mut self.connections
    }

    /// Joins, or joins again, until the coordinator returns an assignment.
    ///
    /// # Errors
    /// [`MemberError::Fenced`], or the last error if there is no assignment within the API timeout.
    pub async fn join(&mut self) -> Result<JoinedGeneration, MemberError> {
        let mut backoff = self.connections.config().backoff();
        loop {
            match self.join_once().await {
                Err(MemberError::Rebalance | MemberError::Lost(_)) if backoff.wait().await => {}
                Err(MemberError::Client(error)) if error.is_retriable() && backoff.wait().await => {}
                outcome => return outcome,
            }
        }
    }

    /// Sends a heartbeat.
    ///
    /// # Errors
    /// As [`MemberError`] says.
    pub async fn heartbeat(&mut self) -> Result<(), MemberError> {
        let request = HeartbeatRequest {
            group_id: self.config.group.clone(),
            generation_id: self.generation,
            member_id: self.member.clone(),
            group_instance_id: self.config.instance.clone(),
        };
        let response = self.call(&request).await?;
        self.check(response.error_code)
    }

    /// Commits `offsets` of one topic; returns each partition's own error code.
    ///
    /// # Errors
    /// As [`MemberError`] says, if the request failed as a whole.
    pub async fn commit(
        &mut self,
        topic: &str,
        id: uuid::Uuid,
        offsets: &BTreeMap<i32, i64>,
    ) -> Result<BTreeMap<i32, ErrorCode>, MemberError> {
        let partition = |(&partition_index, &committed_offset): (&i32, &i64)| OffsetCommitRequestPartition {
            partition_index,
            committed_offset,
            ..OffsetCommitRequestPartition::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.config.group.clone(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.member.clone(),
            group_instance_id: self.config.instance.clone(),
            topics: vec![OffsetCommitRequestTopic {
                name: topic.into(),
                topic_id: id,
                partitions: offsets.iter().map(partition).collect(),
            }],
            ..OffsetCommitRequest::default()
        };
        let response = self.call(&request).await?;
        let outcomes = response.topics.into_iter().flat_map(|topic| topic.partitions);
        let outcomes: BTreeMap<i32, ErrorCode> =
            outcomes.map(|outcome| (outcome.partition_index, outcome.error_code)).collect();
        for code in outcomes.values() {
            // Only for its effect on the membership; the caller gets the error codes.
            let _ = self.check(*code);
        }
        Ok(outcomes)
    }

    /// The committed offsets of `partitions` of one topic; -1 if there is none.
    ///
    /// # Errors
    /// As [`MemberError`] says.
    pub async fn committed(
        &mut self,
        topic: &str,
        id: uuid::Uuid,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, i64>, MemberError> {
        let topics =
            OffsetFetchRequestTopics { name: topic.into(), topic_id: id, partition_indexes: partitions.to_vec() };
        let group = OffsetFetchRequestGroup {
            group_id: self.config.group.clone(),
            topics: Some(vec![topics]),
            ..OffsetFetchRequestGroup::default()
        };
        let request = OffsetFetchRequest { groups: vec![group], require_stable: true, ..OffsetFetchRequest::default() };
        let response = self.call(&request).await?;
        let mut offsets = BTreeMap::new();
        for group in response.groups {
            self.check(group.error_code)?;
            for found in group.topics.into_iter().flat_map(|topic| topic.partitions) {
                self.check(found.error_code)?;
                offsets.insert(found.partition_index, found.committed_offset);
            }
        }
        Ok(offsets)
    }

    /// Leaves the group; the consumer may join again as a new member.
    ///
    /// # Errors
    /// As [`MemberError`] says.
    pub async fn leave(&mut self) -> Result<(), MemberError> {
        let member = MemberIdentity {
            member_id: self.member.clone(),
            group_instance_id: self.config.instance.clone(),
            reason: None,
        };
        let request =
            LeaveGroupRequest { group_id: self.config.group.clone(), member_id: String::new(), members: vec![member] };
        let response = self.call(&request).await?;
        self.check(response.error_code)?;
        for member in response.members {
            self.check(member.error_code)?;
        }
        self.member = String::new();
        Ok(())
    }

    async fn join_once(&mut self) -> Result<JoinedGeneration, MemberError> {
        let protocol =
            JoinGroupRequestProtocol { name: PROTOCOL.into(), metadata: assignment::subscription(&self.config.topics) };
        let request = JoinGroupRequest {
            group_id: self.config.group.clone(),
            session_timeout_ms: millis(self.config.session_timeout),
            rebalance_timeout_ms: millis(self.config.rebalance_timeout),
            member_id: self.member.clone(),
            group_instance_id: self.config.instance.clone(),
            protocol_type: "consumer".into(),
            protocols: vec![protocol],
            reason: None,
        };
        let response = self.call(&request).await?;
        if response.error_code == ErrorCode::MEMBER_ID_REQUIRED {
            self.member = response.member_id;
            return Err(MemberError::Rebalance);
        }
        self.check(response.error_code)?;
        self.member.clone_from(&response.member_id);
        self.generation = response.generation_id;
        let assignments =
            if response.leader == response.member_id { self.assign(&response).await? } else { Vec::new() };
        let request = SyncGroupRequest {
            group_id: self.config.group.clone(),
            generation_id: self.generation,
            member_id: self.member.clone(),
            group_instance_id: self.config.instance.clone(),
            protocol_type: Some("consumer".into()),
            protocol_name: response.protocol_name,
            assignments,
        };
        let response = self.call(&request).await?;
        self.check(response.error_code)?;
        let assignment = assignment::decode(response.assignment);
        Ok(JoinedGeneration { generation: self.generation, member: self.member.clone(), assignment })
    }

    /// Assigns partitions to all members, which is the group leader's task.
    async fn assign(&mut self, response: &JoinGroupResponse) -> Result<Vec<SyncGroupRequestAssignment>, MemberError> {
        let mut counts = BTreeMap::new();
        for name in self.config.topics.clone() {
            // A topic that does not exist yet is assigned at a later rebalance.
            if let Ok(layout) = self.connections.topic(&name).await {
                counts.insert(name, layout.leaders.len());
            }
        }
        let members: Vec<String> = response.members.iter().map(|member| member.member_id.clone()).collect();
        let assignments = assignment::by_range(&members, &counts);
        let encode =
            |(member_id, assigned)| SyncGroupRequestAssignment { member_id, assignment: assignment::encode(&assigned) };
        Ok(assignments.into_iter().map(encode).collect())
    }

    /// Sends `request` to the coordinator, which is looked up if it is not known.
    async fn call<R: Request>(&mut self, request: &R) -> Result<R::Response, ClientError> {
        let address = match &self.coordinator {
            Some(address) => address.clone(),
            None => {
                let found = self.connections.coordinator(&self.config.group).await?;
                self.coordinator.insert(found).clone()
            }
        };
        let response = self.connections.call_at(&address, request).await;
        if response.is_err() {
            self.coordinator = None;
            self.connections.use_next_broker();
        }
        response
    }

    /// The effect of an error code on the membership.
    fn check(&mut self, code: ErrorCode) -> Result<(), MemberError> {
        match code {
            ErrorCode::NONE => Ok(()),
            ErrorCode::REBALANCE_IN_PROGRESS => Err(MemberError::Rebalance),
            ErrorCode::ILLEGAL_GENERATION => Err(MemberError::Lost(code)),
            ErrorCode::UNKNOWN_MEMBER_ID => {
                self.member = String::new();
                Err(MemberError::Lost(code))
            }
            ErrorCode::FENCED_INSTANCE_ID => Err(MemberError::Fenced),
            code => {
                if [ErrorCode::NOT_COORDINATOR, ErrorCode::COORDINATOR_NOT_AVAILABLE].contains(&code) {
                    self.coordinator = None;
                }
                Ok(ClientError::check(format!("group {}", self.config.group), code, None)?)
            }
        }
    }
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
