//! A static member comes back without the member id it had: its process was restarted (KIP-345).

use super::effects::Effects;
use super::join::answer_parked;
use super::{Group, GroupError, Join, Joined, MemberId, NEW_MEMBER_JOIN_TIMEOUT, Rules, State};
use crate::Timestamp;

impl Group {
    /// Gives the place of `current` to the one who joins under the same instance id. In a stable group whose choice of
    /// protocol stays the same that is all: no rebalance, and the assignment is still there to be fetched.
    pub(super) fn join_static_again(
        &mut self,
        current: &MemberId,
        join: Join,
        rules: &Rules,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let (waiter, fresh, can_skip) = (join.waiter, join.fresh.clone(), join.joiner.can_skip_assignment);
        let leader_before = self.leader.clone();
        self.swap(current, &fresh, now, effects);
        self.renew(&fresh, join, effects);
        if self.state == State::Stable
            && self.elect_protocol() == self.protocol
            && let Some(joined) = self.joined_unchanged(&fresh, leader_before, can_skip)
        {
            if let Some(member) = self.members.get_mut(&fresh) {
                member.parked = None;
                member.restart_session(now);
            }
            effects.admit(waiter, joined);
            effects.save = self.snapshot();
        } else {
            // While an assignment is being computed, it may already name the old member id: begin again.
            self.rebalance(rules, now, effects);
        }
    }

    /// What the member is told that came back without a rebalance. A leader that cannot be told to skip the assignment
    /// gets the id it had as the leader's, so that it does not take itself for it: nobody would read what it computes.
    fn joined_unchanged(&self, fresh: &MemberId, leader_before: Option<MemberId>, can_skip: bool) -> Option<Joined> {
        let leads = self.leader.as_ref() == Some(fresh);
        if can_skip {
            return self.joined(fresh, leads, leads);
        }
        let told = self.joined(fresh, false, false)?;
        Some(Joined { leader: leader_before?, ..told })
    }

    fn swap(&mut self, current: &MemberId, fresh: &MemberId, now: Timestamp, effects: &mut Effects) {
        let Some(mut member) = self.members.remove(current) else { return };
        answer_parked(current, member.parked.take(), GroupError::FencedInstance, effects);
        if member.is_new {
            member.expires = now.plus(NEW_MEMBER_JOIN_TIMEOUT);
        } else {
            member.restart_session(now);
        }
        if let Some(instance) = &member.instance {
            self.instances.insert(instance.clone(), fresh.clone());
        }
        if self.leader.as_ref() == Some(current) {
            self.leader = Some(fresh.clone());
        }
        if let Some(awaited) = &mut self.awaited
            && awaited.members.remove(current)
        {
            awaited.members.insert(fresh.clone());
        }
        self.members.insert(fresh.clone(), member);
    }
}
