//! Members leave by themselves, or an administrator removes them by their instance ids.

use super::effects::Effects;
use super::{Group, GroupError, InstanceId, MemberId, Rules, State};
use crate::Timestamp;

/// A member to remove, named by its member id, or if it is static by its instance id alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaver {
    /// Its member id.
    pub member: Option<MemberId>,
    /// Its instance id.
    pub instance: Option<InstanceId>,
}

impl Group {
    /// Removes `leavers`: a result for each, in their order, and one rebalance for all.
    ///
    /// # Errors
    /// If the group is dead.
    pub fn leave(
        &mut self,
        leavers: &[Leaver],
        rules: &Rules,
        now: Timestamp,
    ) -> Result<(Vec<Result<(), GroupError>>, Effects), GroupError> {
        if self.state == State::Dead {
            return Err(GroupError::NotAvailable);
        }
        let mut effects = Effects::default();
        let before = self.members.len();
        let results: Vec<_> = leavers.iter().map(|leaver| self.remove_leaver(leaver, &mut effects)).collect();
        if self.members.len() < before {
            self.rebalance(rules, now, &mut effects);
            effects.save = effects.save.or_else(|| self.removal_snapshot());
        } else {
            self.complete_if_all_joined(now, &mut effects);
        }
        Ok((results, effects))
    }

    fn remove_leaver(&mut self, leaver: &Leaver, effects: &mut Effects) -> Result<(), GroupError> {
        let member = match (&leaver.member, &leaver.instance) {
            (None, None) => return Err(GroupError::UnknownMember),
            (None, Some(instance)) => self.instances.get(instance).cloned().ok_or(GroupError::UnknownMember)?,
            (Some(member), _) if self.pending_members.contains_key(member) => member.clone(),
            (Some(member), instance) => {
                self.check_member(member, instance.as_ref())?;
                member.clone()
            }
        };
        self.remove(&member, effects);
        Ok(())
    }
}
