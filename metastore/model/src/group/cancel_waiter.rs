//! A client disconnects while its request waits.

use super::effects::Effects;
use super::member::Awaiting;
use super::{Group, Rules, WaiterId};
use crate::Timestamp;

impl Group {
    /// The client behind `waiter` has disconnected: the waiter is not answered, and its join does not count. A new
    /// member, whose first join was never answered, is removed; a known one has a session timeout to send another
    /// request.
    pub fn cancel_waiter(&mut self, waiter: WaiterId, rules: &Rules, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        let is_waiting =
            |awaiting: Option<Awaiting>| matches!(awaiting, Some(Awaiting::Join(t) | Awaiting::Sync(t)) if t == waiter);
        let Some((id, member)) = self.members.iter_mut().find(|(_, member)| is_waiting(member.awaiting)) else {
            return effects;
        };
        member.awaiting = None;
        member.restart_session(now);
        if member.is_new {
            let id = id.clone();
            self.remove(&id, &mut effects);
            self.rebalance(rules, now, &mut effects);
        }
        effects
    }
}
