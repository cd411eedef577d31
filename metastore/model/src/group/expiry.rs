//! Time passes: sessions, promises and rebalances run out.

use super::effects::Effects;
use super::state::{Gathering, InitialDelay};
use super::{Group, MemberId, Rules, State};
use crate::Timestamp;

impl Group {
    /// Does all that is due at `now`.
    pub fn elapse(&mut self, rules: &Rules, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if self.state == State::Dead {
            return effects;
        }
        let members = self.members.len();
        self.promised.retain(|_, until| *until > now);
        let silent = |member: &super::Member| member.deadline().is_some_and(|deadline| deadline <= now);
        let expired: Vec<MemberId> = self.members.iter().filter(|(_, m)| silent(m)).map(|(id, _)| id.clone()).collect();
        let unsynced = self.take_unsynced(now);
        for id in expired.iter().chain(&unsynced) {
            self.remove(id, &mut effects);
        }
        if !expired.is_empty() || !unsynced.is_empty() {
            self.rebalance(rules, now, &mut effects);
        } else {
            self.complete_if_all_joined(now, &mut effects);
        }
        self.end_gathering(rules, now, &mut effects);
        // Time adds nobody.
        effects.expired = members - self.members.len();
        effects
    }

    /// Those who should have fetched their assignment by now: they are gone, and somebody else must do their work.
    fn take_unsynced(&mut self, now: Timestamp) -> Vec<MemberId> {
        match self.awaited.take_if(|awaited| awaited.until <= now) {
            Some(awaited) => awaited.members.into_iter().collect(),
            None => Vec::new(),
        }
    }

    fn end_gathering(&mut self, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        let State::PreparingRebalance(gathering) = &mut self.state else { return };
        if gathering.until > now {
            return;
        }
        match &gathering.initial {
            Some(initial) if initial.someone_came && !initial.remaining.is_zero() => {
                let delay = rules.initial_rebalance_delay.min(initial.remaining);
                let remaining = initial.remaining.saturating_sub(initial.delay);
                let initial = Some(InitialDelay { delay, remaining, someone_came: false });
                *gathering = Gathering { until: now.plus(delay), initial };
            }
            Some(_) | None => self.complete_join(now, effects),
        }
    }
}
