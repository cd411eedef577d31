//! Who may commit offsets of the group.

use super::{Generation, Group, GroupError, InstanceId, MemberId, State};
use crate::Timestamp;

/// Who commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committer {
    /// The member; `None` for a simple consumer or an administrator.
    pub member: Option<MemberId>,
    /// Its instance id, where it is static.
    pub instance: Option<InstanceId>,
    /// The generation that it is in; `None` (Kafka's negative one) for a simple consumer or an administrator.
    pub generation: Option<Generation>,
}

impl Group {
    /// Whether `committer` may commit offsets now. A member that may has thereby been heard from.
    ///
    /// # Errors
    /// Where it may not: while members share the work out, only they commit, and only in the current generation.
    pub fn admit_commit(&mut self, committer: &Committer, now: Timestamp) -> Result<(), GroupError> {
        if self.state == State::Dead {
            return Err(GroupError::NotAvailable);
        }
        if committer.generation.is_none() && self.state == State::Empty {
            return Ok(());
        }
        let Some(member) = &committer.member else {
            return Err(GroupError::UnknownMember);
        };
        self.check_member(member, committer.instance.as_ref())?;
        if committer.generation != Some(self.generation) {
            return Err(GroupError::IllegalGeneration);
        }
        match &self.state {
            // It knows its generation, so it will soon have an assignment; what it commits is from the one before.
            State::CompletingRebalance => Err(GroupError::RebalanceInProgress),
            State::Empty | State::Dead => Err(GroupError::UnknownMember),
            State::PreparingRebalance(_) | State::Stable => {
                self.hear_from(member, now);
                Ok(())
            }
        }
    }
}
