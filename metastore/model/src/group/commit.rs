//! Which commits of offsets the group admits.

use super::{Generation, Group, GroupError, InstanceId, MemberId, State};
use crate::Timestamp;

/// The sender of a commit of offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committer {
    /// Its member id; `None` for a simple consumer or an administrator.
    pub member: Option<MemberId>,
    /// Its instance id, if it is a static member.
    pub instance: Option<InstanceId>,
    /// Its generation; `None` (Kafka's negative one) for a simple consumer or an administrator.
    pub generation: Option<Generation>,
    /// Whether the offsets are committed by a transaction, whose producer may not know the member (before KIP-447).
    pub is_transactional: bool,
}

impl Group {
    /// Admits a commit of offsets by `committer`. An admitted commit of a member counts as a heartbeat.
    ///
    /// # Errors
    /// If it may not commit: while the group has members, only they may, and only in the current generation.
    pub fn admit_commit(&mut self, committer: &Committer, now: Timestamp) -> Result<(), GroupError> {
        if self.state == State::Dead {
            return Err(GroupError::NotAvailable);
        }
        if committer.generation.is_none() && self.state == State::Empty {
            return Ok(());
        }
        let is_anonymous = committer.generation.is_none() && committer.member.is_none() && committer.instance.is_none();
        if committer.is_transactional && is_anonymous {
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
            // It has joined the current generation, but what it commits it has read under the assignment of the one
            // before.
            State::CompletingRebalance => Err(GroupError::RebalanceInProgress),
            State::Empty | State::Dead => Err(GroupError::UnknownMember),
            State::PreparingRebalance(_) | State::Stable => {
                self.record_contact(member, now);
                Ok(())
            }
        }
    }
}
