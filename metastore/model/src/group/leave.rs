//! Members leave: of themselves, or removed by an administrator who names instance ids.

use super::effects::Effects;
use super::{Group, GroupError, InstanceId, MemberId, Rules, State};
use crate::Timestamp;

/// Who is to leave: a member by its id, or a static member by its instance id alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaver {
    /// Its id.
    pub member: Option<MemberId>,
    /// Its instance id.
    pub instance: Option<InstanceId>,
}

impl Group {
    /// Lets `leavers` go: a verdict on each, in their order, and one rebalance for all.
    ///
    /// # Errors
    /// Where the group is dead.
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
        let verdicts: Vec<_> = leavers.iter().map(|leaver| self.let_go(leaver, &mut effects)).collect();
        if self.members.len() < before {
            self.rebalance(rules, now, &mut effects);
        } else {
            self.complete_if_all_joined(now, &mut effects);
        }
        Ok((verdicts, effects))
    }

    fn let_go(&mut self, leaver: &Leaver, effects: &mut Effects) -> Result<(), GroupError> {
        let member = match (&leaver.member, &leaver.instance) {
            (None, None) => return Err(GroupError::UnknownMember),
            (None, Some(instance)) => self.instances.get(instance).cloned().ok_or(GroupError::UnknownMember)?,
            (Some(member), _) if self.promised.contains_key(member) => member.clone(),
            (Some(member), instance) => {
                self.check_member(member, instance.as_ref())?;
                member.clone()
            }
        };
        self.remove(&member, effects);
        Ok(())
    }
}
