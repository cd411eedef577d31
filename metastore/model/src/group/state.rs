//! The group: its state, and what can be read from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Generation, GroupError, InstanceId, Member, MemberId};
use crate::Timestamp;

/// The state of a group.
///
/// ```text
/// state                 event                                              next
/// Empty                 first member joins                                 PreparingRebalance (initial delay)
/// PreparingRebalance    all have joined, or time is up                     CompletingRebalance, generation + 1
///                       no member is left                                  Empty, generation + 1
/// CompletingRebalance   the leader syncs                                   Stable
///                       a changed join, a leave, an expiry, a missing sync PreparingRebalance
/// Stable                a changed join or one by the leader, a leave, an   PreparingRebalance
///                       expiry, a missing sync
///                       a static member joins again, same protocol chosen  Stable (its member id replaced)
/// any                   deletion, loss of the group to another coordinator Dead
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It has no members; it may have offsets.
    Empty,
    /// Members must join (again).
    PreparingRebalance(JoinPhase),
    /// All members have joined; the leader computes the assignment.
    CompletingRebalance,
    /// All members have an assignment, or can fetch it.
    Stable,
    /// It has ended in this process: clients must look up its coordinator again.
    Dead,
}

/// The time that a rebalance waits for members to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinPhase {
    /// The time at which it ends, ms.
    pub(super) until: Timestamp,
    /// The delay of the first rebalance of an empty group; `None` in any other rebalance.
    pub(super) initial: Option<InitialDelay>,
}

/// The first rebalance of an empty group waits a fixed time for more members, and again as long as further ones join,
/// up to the rebalance timeout (KIP-134).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InitialDelay {
    /// Length of the delay under way.
    pub delay: Duration,
    /// How much longer the rebalance may be delayed after it.
    pub remaining: Duration,
    /// Whether a member has joined since it began.
    pub has_new_member: bool,
}

impl State {
    /// Kafka's name for the state.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance(_) => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// The members that have yet to fetch their assignment, and the time until which they must.
#[derive(Clone, Debug)]
pub(super) struct PendingSyncs {
    /// Ids of the members without their assignment yet.
    pub members: BTreeSet<MemberId>,
    /// The time at which those left are removed, ms.
    pub until: Timestamp,
}

/// One classic consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) state: State,
    pub(super) generation: Generation,
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) protocol: Option<Arc<str>>,
    pub(super) leader: Option<MemberId>,
    pub(super) members: BTreeMap<MemberId, Member>,
    /// The static members by instance id.
    pub(super) instances: BTreeMap<InstanceId, MemberId>,
    /// Ids that were answered to a first join, until the client joins again with them, and when they expire (KIP-394).
    /// Kafka calls these pending members.
    pub(super) pending_members: BTreeMap<MemberId, Timestamp>,
    pub(super) pending_syncs: Option<PendingSyncs>,
    /// Whether it was restored from a hand-over that says of members that they were silent: the next one must say how
    /// it went on.
    pub(super) is_silence_saved: bool,
}

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}

impl Group {
    /// A group without members.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Empty,
            generation: Generation(0),
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending_members: BTreeMap::new(),
            pending_syncs: None,
            is_silence_saved: false,
        }
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The current generation.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The kind of group (`consumer`, `connect` ...); `None` if it only holds offsets.
    #[must_use]
    pub fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    /// Number of its members.
    #[must_use]
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Whether it can be dropped from memory without losing anything that the snapshot lacks: it has no members, and no
    /// pending ones.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.members.is_empty() && self.pending_members.is_empty() && matches!(self.state, State::Empty | State::Dead)
    }

    /// The next time at which [`Group::elapse`] has something to do, ms.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let join_phase = match &self.state {
            State::PreparingRebalance(join_phase) => Some(join_phase.until),
            State::Empty | State::CompletingRebalance | State::Stable | State::Dead => None,
        };
        let members = self.members.values().filter_map(Member::deadline);
        let pending_syncs = self.pending_syncs.as_ref().map(|pending_syncs| pending_syncs.until);
        members.chain(self.pending_members.values().copied()).chain(join_phase).chain(pending_syncs).min()
    }

    /// The longest rebalance timeout of all members.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    /// Checks that `member` is a member, and that `instance`, if it is given, is its instance id.
    pub(super) fn check_member(&self, member: &MemberId, instance: Option<&InstanceId>) -> Result<(), GroupError> {
        if let Some(instance) = instance {
            match self.instances.get(instance) {
                None => return Err(GroupError::UnknownMember),
                Some(current) if current != member => return Err(GroupError::FencedInstance),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member) { Ok(()) } else { Err(GroupError::UnknownMember) }
    }

    /// Removes the member `id` from the group. The caller must answer its waiting request.
    pub(super) fn detach(&mut self, id: &MemberId) -> Option<Member> {
        self.pending_members.remove(id);
        let member = self.members.remove(id)?;
        if let Some(instance) = &member.instance {
            self.instances.remove(instance);
        }
        if let Some(pending_syncs) = &mut self.pending_syncs {
            pending_syncs.members.remove(id);
        }
        if self.leader.as_ref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Number of bytes of ids, metadata and assignments.
    pub(super) fn bytes(&self) -> usize {
        let members: usize = self.members.iter().map(|(id, member)| member.bytes(id)).sum();
        members + self.pending_members.keys().map(|id| id.as_str().len()).sum::<usize>()
    }
}
