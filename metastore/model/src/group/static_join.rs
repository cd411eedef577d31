//! A static member joins without its member id: its process was restarted (KIP-345).

use super::effects::Effects;
use super::join::fail_awaiting;
use super::{Group, GroupError, Join, Joined, MemberId, NEW_MEMBER_JOIN_TIMEOUT, Rules, State};
use crate::Timestamp;

impl Group {
    /// Replaces the member id `current` by a new one for the client that joins with the same instance id. A stable
    /// group whose choice of protocol stays the same needs no rebalance: the member can fetch the assignment that it
    /// had.
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
        self.replace_member(current, &fresh, now, effects);
        self.update_member(&fresh, join, effects);
        if self.state == State::Stable
            && self.elect_protocol() == self.protocol
            && let Some(joined) = self.joined_unchanged(&fresh, leader_before, can_skip)
        {
            if let Some(member) = self.members.get_mut(&fresh) {
                member.awaiting = None;
                member.restart_session(now);
            }
            effects.answer_join(waiter, joined);
            effects.save = self.snapshot();
        } else {
            // An assignment that is being computed may already contain the old member id: begin again.
            self.rebalance(rules, now, effects);
        }
    }

    /// The answer to a static member that joins again without a rebalance. A leader whose client does not know how to
    /// skip the assignment gets its former id as that of the leader, so that it acts as a follower: an assignment that
    /// it computed would be ignored.
    fn joined_unchanged(&self, fresh: &MemberId, leader_before: Option<MemberId>, can_skip: bool) -> Option<Joined> {
        let leads = self.leader.as_ref() == Some(fresh);
        if can_skip {
            return self.joined(fresh, leads, leads);
        }
        let joined = self.joined(fresh, false, false)?;
        Some(Joined { leader: leader_before?, ..joined })
    }

    fn replace_member(&mut self, current: &MemberId, fresh: &MemberId, now: Timestamp, effects: &mut Effects) {
        let Some(mut member) = self.members.remove(current) else { return };
        fail_awaiting(current, member.awaiting.take(), GroupError::FencedInstance, effects);
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
        if let Some(pending_syncs) = &mut self.pending_syncs
            && pending_syncs.members.remove(current)
        {
            pending_syncs.members.insert(fresh.clone());
        }
        self.members.insert(fresh.clone(), member);
    }
}
