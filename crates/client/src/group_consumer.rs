//! A member of a consumer group: joins, keeps its place, commits, leaves. Partitions are shared out by ranges.
//!
//! Owns: the membership. Does not own: reading, when to do what, and retries of commits. Invariant: after any error but
//! that of a connection the member says by [`GroupError`] whether what it was assigned is still its own.

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

use crate::{ClientError, Routes, assignment, routes::Pace};

/// `CooperativeSticky` and the others would say more; ranges are enough.
const PROTOCOL: &str = "range";

/// Who joins what.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// `group.id`.
    pub group: String,
    /// Topics to be shared out.
    pub topics: Vec<String>,
    /// `session.timeout.ms`.
    pub session_timeout: Duration,
    /// `max.poll.interval.ms`, which is how long a rebalance waits for a member.
    pub rebalance_timeout: Duration,
    /// `group.instance.id`.
    pub instance: Option<String>,
}

/// What a member got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// The number of the generation.
    pub generation: i32,
    /// The member's own id.
    pub member: String,
    /// Its partitions, by topic.
    pub assignment: BTreeMap<String, Vec<i32>>,
}

/// Why a member could not do what it wanted.
#[derive(Debug, Error)]
pub enum GroupError {
    /// Others join or leave: what is assigned is still its own until it joins again, which it should.
    #[error("the group rebalances")]
    Rebalance,
    /// It is no member of this generation any more: what was assigned may be another's.
    #[error("no member of the generation any more: {0:?}")]
    Lost(ErrorCode),
    /// Another took its static name.
    #[error("another member has this static name")]
    Fenced,
    /// The connection or the coordinator failed; nothing is known.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A member of a group.
pub struct GroupConsumer {
    routes: Routes,
    config: GroupConfig,
    coordinator: Option<String>,
    member: String,
    generation: i32,
}

impl GroupConsumer {
    /// No member yet.
    #[must_use]
    pub fn new(routes: Routes, config: GroupConfig) -> Self {
        Self { routes, config, coordinator: None, member: String::new(), generation: -1 }
    }

    /// The way to the brokers, for reading.
    pub fn routes(&mut self) -> &mut Routes {
        &mut self.routes
    }

    /// Joins, or joins again, until an assignment comes.
    ///
    /// # Errors
    /// [`GroupError::Fenced`], and where nothing comes for as long as one is patient.
    pub async fn join(&mut self) -> Result<Generation, GroupError> {
        let mut pace = Pace::new(self.routes.config());
        loop {
            match self.join_once().await {
                Err(GroupError::Rebalance | GroupError::Lost(_)) if pace.wait().await => {}
                Err(GroupError::Client(error)) if error.may_pass() && pace.wait().await => {}
                outcome => return outcome,
            }
        }
    }

    /// Says that it lives.
    ///
    /// # Errors
    /// As [`GroupError`] says.
    pub async fn heartbeat(&mut self) -> Result<(), GroupError> {
        let request = HeartbeatRequest {
            group_id: self.config.group.clone(),
            generation_id: self.generation,
            member_id: self.member.clone(),
            group_instance_id: self.config.instance.clone(),
        };
        let answer = self.call(&request).await?;
        self.judge(answer.error_code)
    }

    /// Commits `offsets` of one topic; each partition's own outcome.
    ///
    /// # Errors
    /// As [`GroupError`] says, where no partition was answered.
    pub async fn commit(
        &mut self,
        topic: &str,
        id: uuid::Uuid,
        offsets: &BTreeMap<i32, i64>,
    ) -> Result<BTreeMap<i32, ErrorCode>, GroupError> {
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
        let answer = self.call(&request).await?;
        let outcomes = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        let outcomes: BTreeMap<i32, ErrorCode> =
            outcomes.map(|outcome| (outcome.partition_index, outcome.error_code)).collect();
        for code in outcomes.values() {
            // What all of it means for the member; the caller has the outcomes all the same.
            let _ = self.judge(*code);
        }
        Ok(outcomes)
    }

    /// The committed offsets of `partitions` of one topic; -1 where there is none.
    ///
    /// # Errors
    /// As [`GroupError`] says.
    pub async fn committed(
        &mut self,
        topic: &str,
        id: uuid::Uuid,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, i64>, GroupError> {
        let topics =
            OffsetFetchRequestTopics { name: topic.into(), topic_id: id, partition_indexes: partitions.to_vec() };
        let group = OffsetFetchRequestGroup {
            group_id: self.config.group.clone(),
            topics: Some(vec![topics]),
            ..OffsetFetchRequestGroup::default()
        };
        let request = OffsetFetchRequest { groups: vec![group], require_stable: true, ..OffsetFetchRequest::default() };
        let answer = self.call(&request).await?;
        let mut offsets = BTreeMap::new();
        for group in answer.groups {
            self.judge(group.error_code)?;
            for found in group.topics.into_iter().flat_map(|topic| topic.partitions) {
                self.judge(found.error_code)?;
                offsets.insert(found.partition_index, found.committed_offset);
            }
        }
        Ok(offsets)
    }

    /// Leaves the group; the member may join again as a new one.
    ///
    /// # Errors
    /// As [`GroupError`] says.
    pub async fn leave(&mut self) -> Result<(), GroupError> {
        let member = MemberIdentity {
            member_id: self.member.clone(),
            group_instance_id: self.config.instance.clone(),
            reason: None,
        };
        let request =
            LeaveGroupRequest { group_id: self.config.group.clone(), member_id: String::new(), members: vec![member] };
        let answer = self.call(&request).await?;
        self.judge(answer.error_code)?;
        for member in answer.members {
            self.judge(member.error_code)?;
        }
        self.member = String::new();
        Ok(())
    }

    async fn join_once(&mut self) -> Result<Generation, GroupError> {
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
        let answer = self.call(&request).await?;
        if answer.error_code == ErrorCode::MEMBER_ID_REQUIRED {
            self.member = answer.member_id;
            return Err(GroupError::Rebalance);
        }
        self.judge(answer.error_code)?;
        self.member.clone_from(&answer.member_id);
        self.generation = answer.generation_id;
        let assignments = if answer.leader == answer.member_id { self.share_out(&answer).await? } else { Vec::new() };
        let request = SyncGroupRequest {
            group_id: self.config.group.clone(),
            generation_id: self.generation,
            member_id: self.member.clone(),
            group_instance_id: self.config.instance.clone(),
            protocol_type: Some("consumer".into()),
            protocol_name: answer.protocol_name,
            assignments,
        };
        let answer = self.call(&request).await?;
        self.judge(answer.error_code)?;
        let assignment = assignment::decode(answer.assignment);
        Ok(Generation { generation: self.generation, member: self.member.clone(), assignment })
    }

    /// The leader's work.
    async fn share_out(&mut self, answer: &JoinGroupResponse) -> Result<Vec<SyncGroupRequestAssignment>, GroupError> {
        let mut counts = BTreeMap::new();
        for name in self.config.topics.clone() {
            // A topic that is not there is shared out once it is.
            if let Ok(layout) = self.routes.topic(&name).await {
                counts.insert(name, layout.leaders.len());
            }
        }
        let members: Vec<String> = answer.members.iter().map(|member| member.member_id.clone()).collect();
        let shares = assignment::by_range(&members, &counts);
        let encode =
            |(member_id, share)| SyncGroupRequestAssignment { member_id, assignment: assignment::encode(&share) };
        Ok(shares.into_iter().map(encode).collect())
    }

    /// Asks the coordinator, which is looked for where it is not known.
    async fn call<R: Request>(&mut self, request: &R) -> Result<R::Response, ClientError> {
        let address = match &self.coordinator {
            Some(address) => address.clone(),
            None => {
                let found = self.routes.coordinator(&self.config.group).await?;
                self.coordinator.insert(found).clone()
            }
        };
        let answer = self.routes.call_at(&address, request).await;
        if answer.is_err() {
            self.coordinator = None;
            self.routes.turn_away();
        }
        answer
    }

    /// What a code means for the membership.
    fn judge(&mut self, code: ErrorCode) -> Result<(), GroupError> {
        match code {
            ErrorCode::NONE => Ok(()),
            ErrorCode::REBALANCE_IN_PROGRESS => Err(GroupError::Rebalance),
            ErrorCode::ILLEGAL_GENERATION => Err(GroupError::Lost(code)),
            ErrorCode::UNKNOWN_MEMBER_ID => {
                self.member = String::new();
                Err(GroupError::Lost(code))
            }
            ErrorCode::FENCED_INSTANCE_ID => Err(GroupError::Fenced),
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
