//! A member joins: for the first time, with the id that its first join was answered with, or again for a rebalance.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::effects::Effects;
use super::member::Awaiting;
use super::{
    Group, GroupError, InstanceId, Member, MemberId, NEW_MEMBER_JOIN_TIMEOUT, Protocol, Rules, State, WaiterId,
};
use crate::Timestamp;

/// A request to join, which may have to wait for its answer.
#[derive(Clone, Debug)]
pub struct Join {
    /// The id of the request.
    pub waiter: WaiterId,
    /// A new random member id, in case the joiner needs one.
    pub fresh: MemberId,
    /// The client that joins.
    pub joiner: Joiner,
}

/// The client that joins, as its request describes it.
#[derive(Clone, Debug)]
pub struct Joiner {
    /// Its member id, if it has one.
    pub member: Option<MemberId>,
    /// Its instance id, if it is a static member.
    pub instance: Option<InstanceId>,
    /// `client.id` of its connection.
    pub client_id: String,
    /// The address that it connects from.
    pub client_host: String,
    /// The time without a heartbeat after which it is removed.
    pub session_timeout: Duration,
    /// How long a rebalance waits for it to join.
    pub rebalance_timeout: Duration,
    /// The kind of group that it expects (`consumer`, `connect` ...).
    pub protocol_type: Arc<str>,
    /// The protocols that it supports, the preferred one first.
    pub protocols: Vec<Protocol>,
    /// Whether it must join again with the id that it is answered before it becomes a member (KIP-394, from version 4).
    pub requires_known_member_id: bool,
    /// Whether it understands that a leader can be told to skip the assignment (KIP-814, from version 9).
    pub can_skip_assignment: bool,
}

impl Group {
    /// Handles a join. It is answered at once or when the rebalance completes.
    pub fn join(&mut self, join: Join, rules: &Rules, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if let Err(why) = self.admit_join(&join, rules) {
            let answered_id = if why == GroupError::GroupFull { None } else { join.joiner.member.clone() };
            if let (GroupError::GroupFull, Some(member)) = (&why, &join.joiner.member) {
                self.remove(member, &mut effects);
                self.complete_if_all_joined(now, &mut effects);
            }
            effects.fail_join(join.waiter, answered_id, why);
            return effects;
        }
        match join.joiner.member.clone() {
            None => self.join_unknown(join, rules, now, &mut effects),
            // Only dynamic members are pending.
            Some(member) if join.joiner.instance.is_none() && self.pending_members.contains_key(&member) => {
                self.add(member, join, rules, now, &mut effects);
            }
            Some(member) => self.join_again(member, join, rules, now, &mut effects),
        }
        effects
    }

    fn admit_join(&self, join: &Join, rules: &Rules) -> Result<(), GroupError> {
        if self.state == State::Dead {
            return Err(GroupError::NotAvailable);
        }
        if !(rules.session_timeout_min..=rules.session_timeout_max).contains(&join.joiner.session_timeout) {
            return Err(GroupError::InvalidSessionTimeout);
        }
        if !self.has_room(join, rules) {
            return Err(GroupError::GroupFull);
        }
        if !self.supports(&join.joiner.protocol_type, &join.joiner.protocols) {
            return Err(GroupError::InconsistentProtocol);
        }
        Ok(())
    }

    /// Whether the joiner fits the limits. Beyond the limit of members, those that join last are rejected while a
    /// rebalance is prepared, and otherwise those that are new.
    fn has_room(&self, join: &Join, rules: &Rules) -> bool {
        let known = join.joiner.member.as_ref().and_then(|id| self.members.get_key_value(id));
        let has_place = match &self.state {
            State::Empty | State::Dead => true,
            State::PreparingRebalance(_) => {
                known.is_some_and(|(_, member)| member.is_awaiting_join())
                    || self.members.values().filter(|member| member.is_awaiting_join()).count() < rules.size_max
            }
            State::CompletingRebalance | State::Stable => known.is_some() || self.members.len() < rules.size_max,
        };
        let may_be_pending = join.joiner.member.is_some() || self.pending_members.len() < rules.size_max;
        let metadata: usize = join.joiner.protocols.iter().map(|p| p.name.len() + p.metadata.len()).sum();
        let added = metadata + join.fresh.as_str().len() + join.joiner.client_id.len() + join.joiner.client_host.len();
        let replaced = known.map_or(0, |(id, member)| member.bytes(id));
        has_place && may_be_pending && self.bytes().saturating_sub(replaced).saturating_add(added) <= rules.bytes_max
    }

    fn join_unknown(&mut self, join: Join, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        let fresh = join.fresh.clone();
        let current = join.joiner.instance.as_ref().and_then(|instance| self.instances.get(instance)).cloned();
        match (current, &join.joiner.instance) {
            (Some(current), _) => self.join_static_again(&current, join, rules, now, effects),
            (None, None) if join.joiner.requires_known_member_id => {
                self.pending_members.insert(fresh.clone(), now.plus(join.joiner.session_timeout));
                effects.fail_join(join.waiter, Some(fresh.clone()), GroupError::MemberIdRequired(fresh));
            }
            (None, _) => self.add(fresh, join, rules, now, effects),
        }
    }

    /// Adds a new member.
    fn add(&mut self, id: MemberId, join: Join, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        self.pending_members.remove(&id);
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::clone(&join.joiner.protocol_type));
        }
        if let State::PreparingRebalance(join_phase) = &mut self.state
            && let Some(initial) = &mut join_phase.initial
        {
            initial.has_new_member = true;
        }
        if let Some(instance) = &join.joiner.instance {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        let member = Member {
            instance: join.joiner.instance,
            client_id: join.joiner.client_id,
            client_host: join.joiner.client_host,
            session_timeout: join.joiner.session_timeout,
            rebalance_timeout: join.joiner.rebalance_timeout,
            protocols: join.joiner.protocols,
            assignment: Bytes::new(),
            awaiting: Some(Awaiting::Join(join.waiter)),
            expires: now.plus(NEW_MEMBER_JOIN_TIMEOUT),
            is_new: true,
        };
        self.members.insert(id, member);
        self.rebalance(rules, now, effects);
    }

    fn join_again(&mut self, id: MemberId, join: Join, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        if let Err(why) = self.check_member(&id, join.joiner.instance.as_ref()) {
            return effects.fail_join(join.waiter, Some(id), why);
        }
        let is_leader = self.leader.as_ref() == Some(&id);
        let has_changed = self.members.get(&id).is_none_or(|member| member.protocols != join.joiner.protocols);
        let current = match &self.state {
            State::Empty | State::Dead => {
                return effects.fail_join(join.waiter, Some(id), GroupError::UnknownMember);
            }
            State::PreparingRebalance(_) => None,
            // It has probably not received the answer to its last join.
            State::CompletingRebalance if !has_changed => self.joined(&id, is_leader, false),
            State::CompletingRebalance => None,
            // A leader that joins again has something new to assign, even if its own metadata is the same.
            State::Stable if !has_changed && !is_leader => self.joined(&id, false, false),
            State::Stable => None,
        };
        match current {
            Some(joined) => effects.answer_join(join.waiter, joined),
            None => {
                self.update_member(&id, join, effects);
                self.rebalance(rules, now, effects);
            }
        }
    }

    /// Updates what a member's request says about it, and lets its join wait.
    pub(super) fn update_member(&mut self, id: &MemberId, join: Join, effects: &mut Effects) {
        self.set_awaiting(id, Awaiting::Join(join.waiter), effects);
        if let Some(member) = self.members.get_mut(id) {
            member.protocols = join.joiner.protocols;
            member.session_timeout = join.joiner.session_timeout;
            member.rebalance_timeout = join.joiner.rebalance_timeout;
            member.client_id = join.joiner.client_id;
            member.client_host = join.joiner.client_host;
        }
    }

    /// Lets a request of `id` wait. One that waits already is answered: the client must have given it up.
    pub(super) fn set_awaiting(&mut self, id: &MemberId, request: Awaiting, effects: &mut Effects) {
        let Some(member) = self.members.get_mut(id) else { return };
        let before = member.awaiting.replace(request);
        fail_awaiting(id, before, GroupError::RebalanceInProgress, effects);
    }

    /// Removes a member; its waiting request, if any, is answered with an error.
    pub(super) fn remove(&mut self, id: &MemberId, effects: &mut Effects) {
        if let Some(member) = self.detach(id) {
            fail_awaiting(id, member.awaiting, GroupError::UnknownMember, effects);
        }
    }
}

/// Answers a waiting request of `id` with the error `why`.
pub(super) fn fail_awaiting(id: &MemberId, awaiting: Option<Awaiting>, why: GroupError, effects: &mut Effects) {
    match awaiting {
        Some(Awaiting::Join(waiter)) => effects.fail_join(waiter, Some(id.clone()), why),
        Some(Awaiting::Sync(waiter)) => effects.answer_sync(waiter, Err(why)),
        None => {}
    }
}
