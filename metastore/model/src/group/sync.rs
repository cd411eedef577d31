//! A member fetches its assignment; the leader's request contains the assignments of all members.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::effects::{Effects, Synced};
use super::member::Awaiting;
use super::{Generation, Group, GroupError, InstanceId, MemberId, Rules, State, WaiterId};
use crate::Timestamp;

/// A request for an assignment.
#[derive(Clone, Debug)]
pub struct Sync {
    /// The member that asks.
    pub member: MemberId,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// The generation that it has joined.
    pub generation: Generation,
    /// The kind of group that it has joined, if the request says (from version 5).
    pub protocol_type: Option<Arc<str>>,
    /// The protocol that was chosen, if the request says (from version 5).
    pub protocol: Option<Arc<str>>,
    /// The assignments of all members, if the leader asks; opaque.
    pub assignments: BTreeMap<MemberId, Bytes>,
}

impl Group {
    /// Handles a sync. It is answered at once, or when the leader has sent the assignments.
    pub fn sync(&mut self, waiter: WaiterId, sync: Sync, rules: &Rules, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if let Err(why) = self.admit_sync(&sync, rules) {
            effects.answer_sync(waiter, Err(why));
            return effects;
        }
        self.record_sync(&sync.member);
        match &self.state {
            State::Stable => {
                if let Some(member) = self.members.get_mut(&sync.member) {
                    member.restart_session(now);
                }
                effects.answer_sync(waiter, self.synced(&sync.member));
            }
            State::CompletingRebalance => {
                self.set_awaiting(&sync.member, Awaiting::Sync(waiter), &mut effects);
                if self.leader.as_ref() == Some(&sync.member) {
                    self.assign(sync.assignments, now, &mut effects);
                }
            }
            State::Empty | State::PreparingRebalance(_) | State::Dead => {
                effects.answer_sync(waiter, Err(GroupError::UnknownMember));
            }
        }
        effects
    }

    fn admit_sync(&self, sync: &Sync, rules: &Rules) -> Result<(), GroupError> {
        if self.state == State::Dead {
            return Err(GroupError::NotAvailable);
        }
        self.check_member(&sync.member, sync.instance.as_ref())?;
        if sync.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        let differs =
            |sent: &Option<Arc<str>>, ours: &Option<Arc<str>>| sent.is_some() && ours.is_some() && sent != ours;
        if differs(&sync.protocol_type, &self.protocol_type) || differs(&sync.protocol, &self.protocol) {
            return Err(GroupError::InconsistentProtocol);
        }
        if matches!(self.state, State::PreparingRebalance(_)) {
            return Err(GroupError::RebalanceInProgress);
        }
        let sent: usize = sync.assignments.values().map(Bytes::len).sum();
        let replaced: usize = self.members.values().map(|member| member.assignment.len()).sum();
        if self.bytes().saturating_sub(replaced).saturating_add(sent) > rules.bytes_max {
            return Err(GroupError::AssignmentTooLarge);
        }
        Ok(())
    }

    /// Gives all members the assignments that the leader has sent; an empty one to those that it left out.
    fn assign(&mut self, mut assignments: BTreeMap<MemberId, Bytes>, now: Timestamp, effects: &mut Effects) {
        self.state = State::Stable;
        let mut waiting = Vec::new();
        for (id, member) in &mut self.members {
            member.assignment = assignments.remove(id).unwrap_or_default();
            if let Some(Awaiting::Sync(waiter)) = member.awaiting {
                member.awaiting = None;
                member.restart_session(now);
                waiting.push((waiter, id.clone()));
            }
        }
        for (waiter, id) in waiting {
            effects.answer_sync(waiter, self.synced(&id));
        }
        effects.save = self.snapshot();
    }

    fn synced(&self, member: &MemberId) -> Result<Synced, GroupError> {
        let member = self.members.get(member).ok_or(GroupError::UnknownMember)?;
        let protocol_type = self.protocol_type.clone().ok_or(GroupError::UnknownMember)?;
        let protocol = self.protocol.clone().ok_or(GroupError::UnknownMember)?;
        Ok(Synced { protocol_type, protocol, assignment: member.assignment.clone() })
    }

    fn record_sync(&mut self, member: &MemberId) {
        if let Some(pending_syncs) = &mut self.pending_syncs {
            pending_syncs.members.remove(member);
            if pending_syncs.members.is_empty() {
                self.pending_syncs = None;
            }
        }
    }
}
