//! The group itself and what can be read from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Generation, GroupError, InstanceId, Member, MemberId};
use crate::Timestamp;

/// Where a group is in its life.
///
/// ```text
/// state                 event                                              next
/// Empty                 first member joins                                 PreparingRebalance (initial delay)
/// PreparingRebalance    all have joined, or time is up                     CompletingRebalance, generation + 1
///                       nobody is left                                     Empty, generation + 1
/// CompletingRebalance   the leader syncs                                   Stable
///                       a join with news, a leave, an expiry, no sync      PreparingRebalance
/// Stable                a join with news or by the leader, a leave, an     PreparingRebalance
///                       expiry, a sync that does not come
///                       a static member comes back, same protocol chosen   Stable (its member id swapped)
/// any                   deletion, loss of the group to another coordinator Dead
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// No member; offsets may be there.
    Empty,
    /// Members are asked to join again.
    PreparingRebalance(Gathering),
    /// All have joined; the leader computes the assignment.
    CompletingRebalance,
    /// Everyone has, or can fetch, an assignment.
    Stable,
    /// Over; whoever comes must look the group up again.
    Dead,
}

/// Until when the others are waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathering {
    pub(super) until: Timestamp,
    pub(super) initial: Option<InitialDelay>,
}

/// The first rebalance of an empty group waits a fixed time for more members, and again that time as long as they keep
/// coming, up to the rebalance timeout (KIP-134).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InitialDelay {
    /// The delay under way.
    pub delay: Duration,
    /// What may be added to it.
    pub remaining: Duration,
    /// Whether someone came since it began.
    pub someone_came: bool,
}

impl State {
    /// Kafka's name of it.
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

/// Who has still to fetch its assignment, and until when.
#[derive(Clone, Debug)]
pub(super) struct AwaitedSyncs {
    pub members: BTreeSet<MemberId>,
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
    /// Members by instance id: all static ones, and they only.
    pub(super) instances: BTreeMap<InstanceId, MemberId>,
    /// Ids given out for a second join that has not come yet, and when they lapse (KIP-394).
    pub(super) promised: BTreeMap<MemberId, Timestamp>,
    pub(super) awaited: Option<AwaitedSyncs>,
}

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}

impl Group {
    /// A group that nobody has joined yet.
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
            promised: BTreeMap::new(),
            awaited: None,
        }
    }

    /// Where it is in its life.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The current generation.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// What kind of group it is (`consumer`, `connect` ...); `None` where it only holds offsets.
    #[must_use]
    pub fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    /// How many members it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Whether forgetting it loses nothing that a snapshot does not hold: no member, and no id promised to one.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.members.is_empty() && self.promised.is_empty() && matches!(self.state, State::Empty | State::Dead)
    }

    /// The next time at which something happens without anybody asking.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let gathering = match &self.state {
            State::PreparingRebalance(gathering) => Some(gathering.until),
            State::Empty | State::CompletingRebalance | State::Stable | State::Dead => None,
        };
        let members = self.members.values().filter_map(Member::deadline);
        let awaited = self.awaited.as_ref().map(|awaited| awaited.until);
        members.chain(self.promised.values().copied()).chain(gathering).chain(awaited).min()
    }

    /// The longest time that any member wants a rebalance to wait for it.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    /// Whether `member`, who says that it is `instance`, is who it says it is.
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

    /// Takes `member` out of all books but the caller's; its parked request is the caller's to answer.
    pub(super) fn take_out(&mut self, id: &MemberId) -> Option<Member> {
        self.promised.remove(id);
        let member = self.members.remove(id)?;
        if let Some(instance) = &member.instance {
            self.instances.remove(instance);
        }
        if let Some(awaited) = &mut self.awaited {
            awaited.members.remove(id);
        }
        if self.leader.as_ref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Bytes of ids, metadata and assignments.
    pub(super) fn bytes(&self) -> usize {
        let members: usize = self.members.iter().map(|(id, member)| member.bytes(id)).sum();
        members + self.promised.keys().map(|id| id.as_str().len()).sum::<usize>()
    }
}
