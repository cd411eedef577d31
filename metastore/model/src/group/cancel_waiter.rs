//! The one who waits for a parked request has hung up.

use super::effects::Effects;
use super::member::Parked;
use super::{Group, Rules, WaiterId};
use crate::Timestamp;

impl Group {
    /// Nobody waits for `waiter` any more: it is not answered, and does not count as joined. A member that was never
    /// answered is forgotten; one that the group knows has its session's time to come back.
    pub fn cancel_waiter(&mut self, waiter: WaiterId, rules: &Rules, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        let waits = |parked: Option<Parked>| matches!(parked, Some(Parked::Join(t) | Parked::Sync(t)) if t == waiter);
        let Some((id, member)) = self.members.iter_mut().find(|(_, member)| waits(member.parked)) else {
            return effects;
        };
        member.parked = None;
        member.restart_session(now);
        if member.is_new {
            let id = id.clone();
            self.remove(&id, &mut effects);
            self.rebalance(rules, now, &mut effects);
        }
        effects
    }
}
