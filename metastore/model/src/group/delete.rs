//! Deletion of a group, and of single offsets of it.

use std::collections::BTreeSet;

use super::effects::Effects;
use super::join::fail_awaiting;
use super::subscription::CONSUMER;
use super::{Group, GroupError, State, Subscriptions};

impl Group {
    /// Admits the deletion of the group.
    ///
    /// # Errors
    /// If it has members.
    pub fn admit_delete(&self) -> Result<(), GroupError> {
        match &self.state {
            State::Empty => Ok(()),
            State::PreparingRebalance(_) | State::CompletingRebalance | State::Stable => Err(GroupError::NonEmpty),
            State::Dead => Err(GroupError::GroupNotFound),
        }
    }

    /// Admits the deletion of offsets of the group, except those of the topics returned.
    ///
    /// # Errors
    /// If it has members that are not consumers: the topics that they work on are unknown.
    pub fn admit_offset_delete(&self) -> Result<Subscriptions, GroupError> {
        match &self.state {
            State::Empty => Ok(Subscriptions::Topics(BTreeSet::new())),
            State::Dead => Err(GroupError::GroupNotFound),
            State::PreparingRebalance(_) | State::CompletingRebalance | State::Stable => {
                if self.protocol_type() == Some(CONSUMER) {
                    Ok(self.subscriptions())
                } else {
                    Err(GroupError::NonEmpty)
                }
            }
        }
    }

    fn subscriptions(&self) -> Subscriptions {
        let Some(protocol) = &self.protocol else { return Subscriptions::Unknown };
        Subscriptions::of(self.members.values().map(|member| member.metadata(protocol)))
    }

    /// Ends the group in this process, because it was deleted or another coordinator has it: all waiting requests are
    /// answered with `why`.
    pub fn dissolve(&mut self, why: &GroupError) -> Effects {
        let mut effects = Effects::default();
        for (id, member) in &mut self.members {
            fail_awaiting(id, member.awaiting.take(), why.clone(), &mut effects);
        }
        *self = Self { state: State::Dead, generation: self.generation, ..Self::new() };
        effects
    }
}
