//! A heartbeat keeps a member's session alive; its answer says whether the member must join again.

use super::{Generation, Group, GroupError, InstanceId, MemberId, State};
use crate::Timestamp;

impl Group {
    /// A heartbeat of a member. Changes nothing that is persisted.
    ///
    /// # Errors
    /// If the sender is not a member of this generation (any more), or must join again.
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
                self.record_contact(member, now);
                Err(GroupError::RebalanceInProgress)
            }
            // Consumers already send heartbeats before they have their assignment: they count.
            State::CompletingRebalance | State::Stable => {
                self.record_contact(member, now);
                Ok(())
            }
        }
    }

    /// Restarts the session of `member`. That of a new member runs on: it limits the time that its first join may take.
    pub(super) fn record_contact(&mut self, member: &MemberId, now: Timestamp) {
        if let Some(member) = self.members.get_mut(member)
            && !member.is_new
        {
            member.restart_session(now);
        }
    }
}
