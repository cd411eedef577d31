//! Deleting a group together with all its offsets.

use alluvium_model::group::GroupId;

use crate::{
    groups::{Fence, Groups, SaveError, clear_group, fence_under},
    leases::Lease,
    offsets,
};

impl Groups {
    /// Deletes the group of save `expected` (`None`: it was never saved) and all its offsets, as long as `lease`, on
    /// the group, is held.
    pub async fn delete(&self, lease: &Lease, group: &GroupId, expected: Option<Fence>) -> Result<(), SaveError> {
        loop {
            let done = self
                .db
                .run("delete group", |tx| async move {
                    let stored = fence_under(&tx, lease, group).await?;
                    if stored != expected {
                        let is_done = stored.is_none() && tx.is_maybe_committed();
                        return if is_done { Ok(true) } else { Err(SaveError::Fenced) };
                    }
                    let done = offsets::clear_step(&tx, group).await?;
                    if done {
                        clear_group(&tx, group);
                    }
                    Ok(done)
                })
                .await?;
            if done {
                return Ok(());
            }
        }
    }
}
