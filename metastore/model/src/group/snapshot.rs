//! The snapshot: what of a group survives a restart, and how the group is restored from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::member::metadata_under;
use super::state::{JoinPhase, PendingSyncs};
use super::subscription::CONSUMER;
use super::{Generation, Group, InstanceId, Member, MemberId, Protocol, State, Subscriptions};
use crate::Timestamp;

/// The part of its session after which a member is silent, and that a restored member has at least: clients send three
/// heartbeats in a session or more.
const RESTORED_SESSION_DIVISOR: u32 = 3;

/// A removal of members from a larger group is not saved by itself: a save writes all members, and thousands of them
/// may leave one after the other. After a takeover their sessions expire, as they do in Kafka.
const REMOVAL_SAVED_MEMBERS_MAX: usize = 500;

/// A group as it is persisted: everything that its members know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its state.
    pub state: SavedState,
    /// Its current generation.
    pub generation: Generation,
    /// The kind of group (`consumer`, `connect` ...); `None` if it only holds offsets.
    pub protocol_type: Option<Arc<str>>,
    /// The chosen protocol; `None` if it has no members.
    pub protocol: Option<Arc<str>>,
    /// The member that computes assignments; `None` if it has no members.
    pub leader: Option<MemberId>,
    /// All its members.
    pub members: Vec<SavedMember>,
}

impl Snapshot {
    /// The topics that the group works on: known only for stable groups of consumers.
    #[must_use]
    pub fn subscriptions(&self) -> Subscriptions {
        let is_consumers = self.protocol_type.as_deref() == Some(CONSUMER) && self.state == SavedState::Stable;
        let Some(protocol) = self.protocol.as_deref().filter(|_| is_consumers) else { return Subscriptions::Unknown };
        Subscriptions::of(self.members.iter().map(|member| metadata_under(&member.protocols, protocol)))
    }
}

/// The states that are persisted. A rebalance that a join began is not: after a restart the join comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedState {
    /// It has no members.
    Empty,
    /// The generation has begun; its assignment is not known yet.
    CompletingRebalance,
    /// All members have an assignment.
    Stable,
    /// Members have left or expired, and the others are to join again.
    PreparingRebalance,
}

impl SavedState {
    /// Kafka's name for the state.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::PreparingRebalance => "PreparingRebalance",
        }
    }
}

/// A member as it is persisted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedMember {
    /// Its member id.
    pub id: MemberId,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// `client.id` of its connection.
    pub client_id: String,
    /// The address that it connected from.
    pub client_host: String,
    /// The time without a heartbeat after which it is removed.
    pub session_timeout: Duration,
    /// How long a rebalance waits for it to join.
    pub rebalance_timeout: Duration,
    /// The protocols that it supports, the preferred one first.
    pub protocols: Vec<Protocol>,
    /// Its assignment; opaque.
    pub assignment: Bytes,
    /// How long it had sent nothing when a coordinator handed the group over; zero in any other save.
    pub silent_for: Duration,
}

impl Group {
    /// The group as it must be restored after a restart; `None` if the last snapshot is still right.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        let state = match &self.state {
            State::Empty => SavedState::Empty,
            State::CompletingRebalance => SavedState::CompletingRebalance,
            State::Stable => SavedState::Stable,
            State::PreparingRebalance(_) | State::Dead => return None,
        };
        Some(self.snapshot_as(state))
    }

    /// The group after members were removed from it, if that began no generation and is worth a save: otherwise a
    /// coordinator that takes the group over would wait for their sessions to expire, while nobody reads what was
    /// theirs.
    pub(super) fn removal_snapshot(&self) -> Option<Snapshot> {
        // Members of generation 0 were never saved.
        let is_saved = self.generation > Generation(0) && self.members.len() <= REMOVAL_SAVED_MEMBERS_MAX;
        match &self.state {
            State::PreparingRebalance(_) if is_saved => Some(self.snapshot_as(SavedState::PreparingRebalance)),
            State::PreparingRebalance(_) => None,
            State::Empty | State::CompletingRebalance | State::Stable | State::Dead => None,
        }
    }

    /// The group for the coordinator that this one hands it over to at `now`; `None` if the last snapshot will do.
    /// Members that have been silent for a third of their session do not get a whole one again: a member that has died
    /// would be waited for after each hand-over.
    #[must_use]
    pub fn handover_snapshot(&self, now: Timestamp) -> Option<Snapshot> {
        let state = match &self.state {
            State::PreparingRebalance(_) if self.generation > Generation(0) => SavedState::PreparingRebalance,
            State::CompletingRebalance => SavedState::CompletingRebalance,
            State::Stable => SavedState::Stable,
            State::PreparingRebalance(_) | State::Empty | State::Dead => return None,
        };
        let is_silent = |member: &Member| member.silent_for(now) >= member.session_timeout / RESTORED_SESSION_DIVISOR;
        if !self.is_silence_saved && !self.members.values().any(is_silent) {
            return None;
        }
        let mut snapshot = self.snapshot_as(state);
        for saved in &mut snapshot.members {
            saved.silent_for = self.members.get(&saved.id).map_or(Duration::ZERO, |member| member.silent_for(now));
        }
        Some(snapshot)
    }

    fn snapshot_as(&self, state: SavedState) -> Snapshot {
        // A new member waits for its first answer. If the coordinator ends, it does not know its id.
        let members = self.members.iter().filter(|(_, member)| !member.is_new);
        Snapshot {
            state,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: members.map(|(id, member)| saved(id, member)).collect(),
        }
    }

    /// The group of `snapshot`, every member with a new session, unless the group was handed over while the member was
    /// silent: a restart causes no rebalance. A snapshot that
    /// contradicts itself is restored as a group that asks its members to join again.
    #[must_use]
    pub fn restore(snapshot: Snapshot, now: Timestamp) -> Self {
        let Snapshot { state, generation, protocol_type, protocol, leader, members } = snapshot;
        let is_silence_saved = members.iter().any(|member| !member.silent_for.is_zero());
        let members: BTreeMap<_, _> = members.into_iter().map(|saved| restored(saved, now)).collect();
        let instances =
            members.iter().filter_map(|(id, member)| Some((member.instance.clone()?, id.clone()))).collect();
        let restored = Self { generation, protocol_type, protocol, leader, members, instances, ..Self::new() };
        let mut group = Self { is_silence_saved, ..restored };
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
                group.pending_syncs = Some(PendingSyncs { members: group.members.keys().cloned().collect(), until });
                State::CompletingRebalance
            }
            SavedState::Empty
            | SavedState::CompletingRebalance
            | SavedState::Stable
            | SavedState::PreparingRebalance => State::PreparingRebalance(JoinPhase { until, initial: None }),
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
        silent_for: Duration::ZERO,
    }
}

fn restored(saved: SavedMember, now: Timestamp) -> (MemberId, Member) {
    let SavedMember {
        id,
        instance,
        client_id,
        client_host,
        session_timeout: session,
        rebalance_timeout: rebalance,
        protocols,
        assignment,
        silent_for,
    } = saved;
    let mut member = Member {
        instance,
        client_id,
        client_host,
        session_timeout: session,
        rebalance_timeout: rebalance,
        protocols,
        assignment,
        awaiting: None,
        expires: now,
        is_new: false,
    };
    member.expires = now.plus(session.saturating_sub(silent_for).max(session / RESTORED_SESSION_DIVISOR));
    (id, member)
}
