//! The end of a group, and of single offsets of it.

use std::collections::BTreeSet;

use super::effects::Effects;
use super::join::answer_parked;
use super::subscription::CONSUMER;
use super::{Group, GroupError, State, Subscriptions};

impl Group {
    /// Whether the group may be deleted.
    ///
    /// # Errors
    /// Where it has members.
    pub fn admit_delete(&self) -> Result<(), GroupError> {
        match &self.state {
            State::Empty => Ok(()),
            State::PreparingRebalance(_) | State::CompletingRebalance | State::Stable => Err(GroupError::NonEmpty),
            State::Dead => Err(GroupError::GroupNotFound),
        }
    }

    /// Whether offsets of the group may be deleted: all but those of the topics answered.
    ///
    /// # Errors
    /// Where it has members and they are not consumers, so that what they work on cannot be known.
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

    /// The group is over, here at least: everyone who waits is told `why`.
    pub fn dissolve(&mut self, why: &GroupError) -> Effects {
        let mut effects = Effects::default();
        for (id, member) in &mut self.members {
            answer_parked(id, member.parked.take(), why.clone(), &mut effects);
        }
        *self = Self { state: State::Dead, generation: self.generation, ..Self::new() };
        effects
    }
}
