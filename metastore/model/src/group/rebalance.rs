//! A rebalance: asks all members to join again, then begins the next generation with those that did.

use std::sync::Arc;
use std::time::Duration;

use super::effects::{Effects, Joined, JoinedMember};
use super::member::Awaiting;
use super::state::{InitialDelay, JoinPhase, PendingSyncs};
use super::{Group, GroupError, Member, MemberId, Rules, State};
use crate::Timestamp;

/// How long a group of absent static members waits, at least, before it is checked again.
const ABSENT_RETRY_MIN: Duration = Duration::from_secs(1);

impl Group {
    /// Reacts to a member that joined, left or changed: begins a rebalance, or completes the one under way if it waited
    /// only for this.
    pub(super) fn rebalance(&mut self, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        match &self.state {
            State::Empty => self.begin_first_join_phase(rules, now),
            State::CompletingRebalance | State::Stable => self.begin_join_phase(now, effects),
            State::PreparingRebalance(_) => self.complete_if_all_joined(now, effects),
            State::Dead => {}
        }
    }

    /// Begins the first rebalance of an empty group. It is delayed, because more members are probably starting.
    fn begin_first_join_phase(&mut self, rules: &Rules, now: Timestamp) {
        let delay = rules.initial_rebalance_delay;
        let remaining = self.rebalance_timeout().saturating_sub(delay);
        let initial = Some(InitialDelay { delay, remaining, has_new_member: false });
        self.state = State::PreparingRebalance(JoinPhase { until: now.plus(delay), initial });
    }

    fn begin_join_phase(&mut self, now: Timestamp, effects: &mut Effects) {
        self.pending_syncs = None;
        let aborts_assignment = self.state == State::CompletingRebalance;
        for member in self.members.values_mut() {
            if aborts_assignment {
                member.assignment.clear();
            }
            if let Some(Awaiting::Sync(waiter)) = member.awaiting {
                member.awaiting = None;
                member.restart_session(now);
                effects.answer_sync(waiter, Err(GroupError::RebalanceInProgress));
            }
        }
        self.state = State::PreparingRebalance(JoinPhase { until: now.plus(self.rebalance_timeout()), initial: None });
        self.complete_if_all_joined(now, effects);
    }

    /// Completes the rebalance under way if it waits for no member.
    pub(super) fn complete_if_all_joined(&mut self, now: Timestamp, effects: &mut Effects) {
        let State::PreparingRebalance(JoinPhase { initial: None, .. }) = &self.state else { return };
        if self.pending_members.is_empty() && self.members.values().all(Member::is_awaiting_join) {
            self.complete_join(now, effects);
        }
    }

    /// Begins the next generation with the members that have joined, and with static members, which may be restarting.
    pub(super) fn complete_join(&mut self, now: Timestamp, effects: &mut Effects) {
        let absent = |member: &Member| !member.is_awaiting_join() && member.instance.is_none();
        let removed: Vec<MemberId> = self.members.iter().filter(|(_, m)| absent(m)).map(|(id, _)| id.clone()).collect();
        for id in &removed {
            self.detach(id);
        }
        if self.members.is_empty() {
            self.become_empty(effects);
        } else if let (Some(leader), Some(protocol)) = (self.joined_leader(), self.elect_protocol()) {
            self.begin_generation(leader, protocol, now, effects);
        } else {
            // Only static members are left, and none has joined: wait until one does, or their sessions expire.
            let until = now.plus(self.rebalance_timeout().max(ABSENT_RETRY_MIN));
            self.state = State::PreparingRebalance(JoinPhase { until, initial: None });
        }
    }

    fn become_empty(&mut self, effects: &mut Effects) {
        self.generation = self.generation.next();
        self.protocol = None;
        self.leader = None;
        self.pending_syncs = None;
        self.state = State::Empty;
        effects.save = self.snapshot();
    }

    fn begin_generation(&mut self, leader: MemberId, protocol: Arc<str>, now: Timestamp, effects: &mut Effects) {
        self.generation = self.generation.next();
        self.protocol = Some(protocol);
        self.leader = Some(leader.clone());
        self.state = State::CompletingRebalance;
        let until = now.plus(self.rebalance_timeout());
        self.pending_syncs = Some(PendingSyncs { members: self.members.keys().cloned().collect(), until });
        let mut waiting = Vec::new();
        for (id, member) in &mut self.members {
            member.is_new = false;
            member.restart_session(now);
            if let Some(Awaiting::Join(waiter)) = member.awaiting {
                member.awaiting = None;
                waiting.push((waiter, id.clone()));
            }
        }
        for (waiter, id) in waiting {
            if let Some(joined) = self.joined(&id, id == leader, false) {
                effects.answer_join(waiter, joined);
            }
        }
        effects.save = self.snapshot();
    }

    /// The leader, if it has joined; otherwise any member that has.
    fn joined_leader(&self) -> Option<MemberId> {
        let leader = self.leader.as_ref().filter(|id| self.members.get(id).is_some_and(Member::is_awaiting_join));
        let any_joined = || self.members.iter().find(|(_, member)| member.is_awaiting_join()).map(|(id, _)| id);
        leader.or_else(any_joined).cloned()
    }

    /// The answer to a join of `member` in the current generation.
    pub(super) fn joined(&self, member: &MemberId, with_members: bool, skip_assignment: bool) -> Option<Joined> {
        let protocol = self.protocol.clone()?;
        let members = if with_members { self.member_list(&protocol) } else { Vec::new() };
        Some(Joined {
            member: member.clone(),
            generation: self.generation,
            protocol_type: self.protocol_type.clone()?,
            leader: self.leader.clone()?,
            protocol,
            skip_assignment,
            members,
        })
    }

    fn member_list(&self, protocol: &str) -> Vec<JoinedMember> {
        let listed = |(id, member): (&MemberId, &Member)| JoinedMember {
            member: id.clone(),
            instance: member.instance.clone(),
            metadata: member.metadata(protocol),
        };
        self.members.iter().map(listed).collect()
    }
}
