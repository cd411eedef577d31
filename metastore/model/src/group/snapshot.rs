//! What of a group outlives the process, and how the group comes back from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::member::metadata_under;
use super::state::{AwaitedSyncs, Gathering};
use super::subscription::CONSUMER;
use super::{Generation, Group, InstanceId, Member, MemberId, Protocol, State, Subscriptions};
use crate::Timestamp;

/// A group as it is persisted: everything that its members were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it is in its life.
    pub state: SavedState,
    /// Its generation.
    pub generation: Generation,
    /// What kind of group it is.
    pub protocol_type: Option<Arc<str>>,
    /// The protocol chosen.
    pub protocol: Option<Arc<str>>,
    /// Who leads it.
    pub leader: Option<MemberId>,
    /// Everyone in it.
    pub members: Vec<SavedMember>,
}

impl Snapshot {
    /// Which topics the group works on: known of stable groups of consumers only.
    #[must_use]
    pub fn subscriptions(&self) -> Subscriptions {
        let is_consumers = self.protocol_type.as_deref() == Some(CONSUMER) && self.state == SavedState::Stable;
        let Some(protocol) = self.protocol.as_deref().filter(|_| is_consumers) else { return Subscriptions::Unknown };
        Subscriptions::of(self.members.iter().map(|member| metadata_under(&member.protocols, protocol)))
    }
}

/// The states that are persisted. A rebalance under way is not: after a restart it simply begins again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedState {
    /// No member.
    Empty,
    /// The generation is known, its assignment is not.
    CompletingRebalance,
    /// Everyone has an assignment.
    Stable,
}

impl SavedState {
    /// Kafka's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// A member as it is persisted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedMember {
    /// Its id.
    pub id: MemberId,
    /// Its instance id, where it is static.
    pub instance: Option<InstanceId>,
    /// `client.id` of its connection.
    pub client_id: String,
    /// Where it connected from.
    pub client_host: String,
    /// It is dropped when silent for so long.
    pub session_timeout: Duration,
    /// How long a rebalance waits for it.
    pub rebalance_timeout: Duration,
    /// What it can follow, best first.
    pub protocols: Vec<Protocol>,
    /// What the leader gave it.
    pub assignment: Bytes,
}

impl Group {
    /// The group as it is to be found after a restart; `None` where there is nothing to add to the last snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        let state = match &self.state {
            State::Empty => SavedState::Empty,
            State::CompletingRebalance => SavedState::CompletingRebalance,
            State::Stable => SavedState::Stable,
            State::PreparingRebalance(_) | State::Dead => return None,
        };
        Some(Snapshot {
            state,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: self.members.iter().map(|(id, member)| saved(id, member)).collect(),
        })
    }

    /// The group of `snapshot`, every member with a fresh session: a restart is no reason to rebalance. A snapshot that
    /// contradicts itself gives a group that asks its members to join again.
    #[must_use]
    pub fn restore(snapshot: Snapshot, now: Timestamp) -> Self {
        let Snapshot { state, generation, protocol_type, protocol, leader, members } = snapshot;
        let members: BTreeMap<_, _> = members.into_iter().map(|saved| restored(saved, now)).collect();
        let instances =
            members.iter().filter_map(|(id, member)| Some((member.instance.clone()?, id.clone()))).collect();
        let mut group = Self { generation, protocol_type, protocol, leader, members, instances, ..Self::new() };
        if group.members.is_empty() {
            group.protocol = None;
            group.leader = None;
            return group;
        }
        let until = now.plus(group.rebalance_timeout());
        let is_led = group.leader.as_ref().is_some_and(|leader| group.members.contains_key(leader));
        let is_whole = is_led && group.protocol_type.is_some() && group.protocol.is_some();
        group.state = match state {
            SavedState::Stable if is_whole => State::Stable,
            SavedState::CompletingRebalance if is_whole => {
                group.awaited = Some(AwaitedSyncs { members: group.members.keys().cloned().collect(), until });
                State::CompletingRebalance
            }
            SavedState::Empty | SavedState::CompletingRebalance | SavedState::Stable => {
                State::PreparingRebalance(Gathering { until, initial: None })
            }
        };
        group
    }
}

fn saved(id: &MemberId, member: &Member) -> SavedMember {
    SavedMember {
        id: id.clone(),
        instance: member.instance.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        session_timeout: member.session_timeout,
        rebalance_timeout: member.rebalance_timeout,
        protocols: member.protocols.clone(),
        assignment: member.assignment.clone(),
    }
}

fn restored(saved: SavedMember, now: Timestamp) -> (MemberId, Member) {
    let SavedMember { id, instance, client_id, client_host, session_timeout, rebalance_timeout, protocols, assignment } =
        saved;
    let mut member = Member {
        instance,
        client_id,
        client_host,
        session_timeout,
        rebalance_timeout,
        protocols,
        assignment,
        parked: None,
        expires: now,
        is_new: false,
    };
    member.restart_session(now);
    (id, member)
}
