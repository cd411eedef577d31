//! A rebalance: asking everyone to join again, and beginning the next generation with those who did.

use std::sync::Arc;
use std::time::Duration;

use super::effects::{Effects, Joined, JoinedMember};
use super::member::Parked;
use super::state::{AwaitedSyncs, Gathering, InitialDelay};
use super::{Group, GroupError, Member, MemberId, Rules, State};
use crate::Timestamp;

/// Between two looks at a group of absent static members, whatever rebalance timeout they asked for.
const ABSENT_RETRY_MIN: Duration = Duration::from_secs(1);

impl Group {
    /// A member came, went or changed: begin a rebalance, or finish the one under way if that was all it waited for.
    pub(super) fn rebalance(&mut self, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        match &self.state {
            State::Empty => self.gather_first(rules, now),
            State::CompletingRebalance | State::Stable => self.gather(now, effects),
            State::PreparingRebalance(_) => self.complete_if_all_joined(now, effects),
            State::Dead => {}
        }
    }

    /// The first rebalance of an empty group: more members are probably starting right now.
    fn gather_first(&mut self, rules: &Rules, now: Timestamp) {
        let delay = rules.initial_rebalance_delay;
        let remaining = self.rebalance_timeout().saturating_sub(delay);
        let initial = Some(InitialDelay { delay, remaining, someone_came: false });
        self.state = State::PreparingRebalance(Gathering { until: now.plus(delay), initial });
    }

    fn gather(&mut self, now: Timestamp, effects: &mut Effects) {
        self.awaited = None;
        let aborts_assignment = self.state == State::CompletingRebalance;
        for member in self.members.values_mut() {
            if aborts_assignment {
                member.assignment.clear();
            }
            if let Some(Parked::Sync(waiter)) = member.parked {
                member.parked = None;
                member.restart_session(now);
                effects.answer_sync(waiter, Err(GroupError::RebalanceInProgress));
            }
        }
        self.state = State::PreparingRebalance(Gathering { until: now.plus(self.rebalance_timeout()), initial: None });
        self.complete_if_all_joined(now, effects);
    }

    /// Finishes the rebalance under way if it waits for nobody.
    pub(super) fn complete_if_all_joined(&mut self, now: Timestamp, effects: &mut Effects) {
        let State::PreparingRebalance(Gathering { initial: None, .. }) = &self.state else { return };
        if self.promised.is_empty() && self.members.values().all(Member::has_joined) {
            self.complete_join(now, effects);
        }
    }

    /// Begins the next generation with those who have joined, and with static members, who may be restarting.
    pub(super) fn complete_join(&mut self, now: Timestamp, effects: &mut Effects) {
        let absent = |member: &Member| !member.has_joined() && member.instance.is_none();
        let dropped: Vec<MemberId> = self.members.iter().filter(|(_, m)| absent(m)).map(|(id, _)| id.clone()).collect();
        for id in &dropped {
            self.take_out(id);
        }
        if self.members.is_empty() {
            self.become_empty(effects);
        } else if let (Some(leader), Some(protocol)) = (self.joined_leader(), self.elect_protocol()) {
            self.begin_generation(leader, protocol, now, effects);
        } else {
            // Only static members, and none of them is back: wait until one is, or their sessions expire.
            let until = now.plus(self.rebalance_timeout().max(ABSENT_RETRY_MIN));
            self.state = State::PreparingRebalance(Gathering { until, initial: None });
        }
    }

    fn become_empty(&mut self, effects: &mut Effects) {
        self.generation = self.generation.next();
        self.protocol = None;
        self.leader = None;
        self.awaited = None;
        self.state = State::Empty;
        effects.save = self.snapshot();
    }

    fn begin_generation(&mut self, leader: MemberId, protocol: Arc<str>, now: Timestamp, effects: &mut Effects) {
        self.generation = self.generation.next();
        self.protocol = Some(protocol);
        self.leader = Some(leader.clone());
        self.state = State::CompletingRebalance;
        let until = now.plus(self.rebalance_timeout());
        self.awaited = Some(AwaitedSyncs { members: self.members.keys().cloned().collect(), until });
        let mut waiting = Vec::new();
        for (id, member) in &mut self.members {
            member.is_new = false;
            member.restart_session(now);
            if let Some(Parked::Join(waiter)) = member.parked {
                member.parked = None;
                waiting.push((waiter, id.clone()));
            }
        }
        for (waiter, id) in waiting {
            if let Some(joined) = self.joined(&id, id == leader, false) {
                effects.admit(waiter, joined);
            }
        }
        effects.save = self.snapshot();
    }

    /// The leader, if it has joined; otherwise somebody who has.
    fn joined_leader(&self) -> Option<MemberId> {
        let leader = self.leader.as_ref().filter(|id| self.members.get(id).is_some_and(Member::has_joined));
        let anybody = || self.members.iter().find(|(_, member)| member.has_joined()).map(|(id, _)| id);
        leader.or_else(anybody).cloned()
    }

    /// What `member` is told about the current generation.
    pub(super) fn joined(&self, member: &MemberId, with_members: bool, skip_assignment: bool) -> Option<Joined> {
        let protocol = self.protocol.clone()?;
        let members = if with_members { self.live_agents(&protocol) } else { Vec::new() };
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

    fn live_agents(&self, protocol: &str) -> Vec<JoinedMember> {
        let seen = |(id, member): (&MemberId, &Member)| JoinedMember {
            member: id.clone(),
            instance: member.instance.clone(),
            metadata: member.metadata(protocol),
        };
        self.members.iter().map(seen).collect()
    }
}
