//! The passing of time: sessions, pending members and rebalances expire.

use super::effects::Effects;
use super::state::{InitialDelay, JoinPhase};
use super::{Group, MemberId, Rules, State};
use crate::Timestamp;

impl Group {
    /// Does everything that is due at `now`.
    pub fn elapse(&mut self, rules: &Rules, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if self.state == State::Dead {
            return effects;
        }
        let members = self.members.len();
        self.pending_members.retain(|_, until| *until > now);
        let is_expired = |member: &super::Member| member.deadline().is_some_and(|deadline| deadline <= now);
        let expired: Vec<MemberId> =
            self.members.iter().filter(|(_, m)| is_expired(m)).map(|(id, _)| id.clone()).collect();
        let overdue = self.take_overdue_syncs(now);
        for id in expired.iter().chain(&overdue) {
            self.remove(id, &mut effects);
        }
        if !expired.is_empty() || !overdue.is_empty() {
            self.rebalance(rules, now, &mut effects);
        } else {
            self.complete_if_all_joined(now, &mut effects);
        }
        self.end_join_phase(rules, now, &mut effects);
        if !expired.is_empty() || !overdue.is_empty() {
            effects.save = effects.save.or_else(|| self.removal_snapshot());
        }
        // The passing of time adds no member.
        effects.expired = members - self.members.len();
        effects
    }

    /// Takes the members that should have fetched their assignment by now: they are removed, so that others get their
    /// work.
    fn take_overdue_syncs(&mut self, now: Timestamp) -> Vec<MemberId> {
        match self.pending_syncs.take_if(|pending_syncs| pending_syncs.until <= now) {
            Some(pending_syncs) => pending_syncs.members.into_iter().collect(),
            None => Vec::new(),
        }
    }

    fn end_join_phase(&mut self, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        let State::PreparingRebalance(join_phase) = &mut self.state else { return };
        if join_phase.until > now {
            return;
        }
        match &join_phase.initial {
            Some(initial) if initial.has_new_member && !initial.remaining.is_zero() => {
                let delay = rules.initial_rebalance_delay.min(initial.remaining);
                let remaining = initial.remaining.saturating_sub(initial.delay);
                let initial = Some(InitialDelay { delay, remaining, has_new_member: false });
                *join_phase = JoinPhase { until: now.plus(delay), initial };
            }
            Some(_) | None => self.complete_join(now, effects),
        }
    }
}
