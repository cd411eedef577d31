//! A member says that it is alive, and hears whether it must join again.

use super::{Generation, Group, GroupError, InstanceId, MemberId, State};
use crate::Timestamp;

impl Group {
    /// A heartbeat. Touches memory only.
    ///
    /// # Errors
    /// Where the sender is not (any more) who it takes itself for, or must join again.
    pub fn heartbeat(
        &mut self,
        member: &MemberId,
        instance: Option<&InstanceId>,
        generation: Generation,
        now: Timestamp,
    ) -> Result<(), GroupError> {
        if self.state == State::Dead {
            return Err(GroupError::NotAvailable);
        }
        self.check_member(member, instance)?;
        if generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        match &self.state {
            State::Empty | State::Dead => Err(GroupError::UnknownMember),
            State::PreparingRebalance(_) => {
                self.hear_from(member, now);
                Err(GroupError::RebalanceInProgress)
            }
            // While completing, consumers already send heartbeats: they count.
            State::CompletingRebalance | State::Stable => {
                self.hear_from(member, now);
                Ok(())
            }
        }
    }

    /// `member` is alive at `now`. A member whose first join is parked is held to the time that this may take.
    pub(super) fn hear_from(&mut self, member: &MemberId, now: Timestamp) {
        if let Some(member) = self.members.get_mut(member)
            && !member.is_new
        {
            member.restart_session(now);
        }
    }
}
