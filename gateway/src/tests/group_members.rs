//! Fixtures: members of a consumer group that talk to agents.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_model::{Offset, TopicPartition};
use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::world::{Process, TIMEOUT};
use crate::agent::Agent;
use crate::groups::{
    Committer, Generation, GroupError, Joined, Joiner, MemberId, NewOffset, OffsetCommitError, Protocol, Sync, Synced,
};
use crate::live_agents::LiveAgents;

/// Session timeout of the members.
pub const SESSION: Duration = Duration::from_secs(10);

/// The name of a group that is coordinated by `process`.
pub fn group_of(process: &Process) -> String {
    let live_agents = LiveAgents::of(&process.agent.session);
    let names = (0..).map(|n| format!("group-{n}"));
    names.into_iter().find(|name| live_agents.is_coordinated_here(name)).expect("every agent coordinates some group")
}

/// A consumer that joins for the first time.
pub fn joiner(name: &str) -> Joiner {
    Joiner {
        member: None,
        instance: None,
        client_id: name.to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout: SESSION,
        rebalance_timeout: Duration::from_secs(60),
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: Bytes::new() }],
        requires_known_member_id: false,
        can_skip_assignment: true,
    }
}

/// Makes a stable group of two members. Returns their ids, the leader's first.
pub async fn stable(agent: &Agent, group: &str) -> [MemberId; 2] {
    let (one, other) = tokio::join!(agent.groups.join(group, joiner("a")), agent.groups.join(group, joiner("b")));
    let mut joined = [one.expect("joined"), other.expect("joined")];
    joined.sort_by_key(|joined| joined.leader != joined.member);
    let members = joined.clone().map(|joined| joined.member);
    let work = members.iter().map(|member| (member.clone(), work_of(member))).collect();
    let [leader, follower] = &joined;
    synced(agent, group, leader, work).await.expect("synced");
    let answer = synced(agent, group, follower, BTreeMap::new()).await.expect("synced");
    assert_eq!(answer.assignment, work_of(&follower.member));
    members
}

/// The assignment that the leader of [`stable`] gives a member.
pub fn work_of(member: &MemberId) -> Bytes {
    Bytes::from(format!("work of {member}"))
}

async fn synced(
    agent: &Agent,
    group: &str,
    joined: &Joined,
    assignments: BTreeMap<MemberId, Bytes>,
) -> Result<Synced, GroupError> {
    agent.groups.sync(group, sync(&joined.member, joined.generation, assignments)).await
}

/// A SyncGroup: the leader's carries all assignments, a follower's none.
pub fn sync(member: &MemberId, generation: Generation, assignments: BTreeMap<MemberId, Bytes>) -> Sync {
    Sync { member: member.clone(), instance: None, generation, protocol_type: None, protocol: None, assignments }
}

/// A heartbeat of generation 1.
pub async fn heartbeat(agent: &Agent, group: &str, member: &MemberId) -> Result<(), GroupError> {
    agent.groups.heartbeat(group, member.clone(), None, Generation(1)).await
}

/// Heartbeats of generation 1 to each of `agents` in turn, until one of them is the coordinator.
pub async fn heartbeat_somewhere(agents: &[&Process], group: &str, member: &MemberId) -> Result<(), GroupError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        for process in agents {
            match heartbeat(&process.agent, group, member).await {
                Err(GroupError::NotCoordinator | GroupError::NotAvailable) => {}
                answer => return answer,
            }
        }
        assert!(Instant::now() < deadline, "no agent coordinates {group}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Commits an offset in generation 1.
pub async fn commit(
    agent: &Agent,
    group: &str,
    member: &MemberId,
    (partition, offset): (TopicPartition, i64),
) -> Result<Vec<Result<(), OffsetCommitError>>, GroupError> {
    let committer = Committer {
        member: Some(member.clone()),
        instance: None,
        generation: Some(Generation(1)),
        is_transactional: false,
    };
    let offset = NewOffset { offset: Offset(offset), leader_epoch: None, metadata: String::new(), retention: None };
    agent.groups.offset_commit(group, committer, vec![(partition, offset)]).await
}

/// The offset committed for a partition.
pub async fn committed(agent: &Agent, group: &str, partition: TopicPartition) -> Result<Option<i64>, GroupError> {
    let found = agent.groups.offset_fetch(group, &[partition]).await?;
    Ok(found[0].as_ref().map(|row| row.offset.0))
}
