//! Groups as transactions.

use std::sync::Arc;

use alluvium_model::{
    Timestamp,
    group::{GroupId, SavedState, Snapshot},
};
use futures::future::join;
use thiserror::Error as ThisError;

use super::{
    codec::{Fence, Head, decode_body, decode_head, encode_body, encode_head},
    key::{body_key, body_range, head_key, heads_after, listed_group},
};
use crate::{
    keyspace::{Error, RowError, split},
    kv::{self, Db, Tx},
    leases::{self, Lease, from_check},
    offsets,
};

/// Consumer groups. Clones share the store.
#[derive(Clone)]
pub struct Groups {
    db: Db,
}

/// A group as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Which save it is from: needed to save the next.
    pub fence: Fence,
    /// When it was saved; of an empty group, since when it is empty.
    pub at: Timestamp,
    /// The group.
    pub snapshot: Snapshot,
}

/// One line of the list of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub group: GroupId,
    /// Where it was in its life when it was saved.
    pub state: SavedState,
    /// What kind of group it is; `None` where it only holds offsets.
    pub protocol_type: Option<Arc<str>>,
    /// How many members it has.
    pub members: u64,
}

/// Some of the list of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The groups.
    pub groups: Vec<Listed>,
    /// After which group to go on; `None` at the end.
    pub next: Option<GroupId>,
}

/// Why a group was not changed.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum SaveError {
    /// The group's lease is not held any more, or somebody else has saved or deleted the group since: load it again.
    #[error("the group was changed by another coordinator")]
    Fenced,
    /// The store failed.
    #[error(transparent)]
    Kv(#[from] kv::Error),
    /// A stored row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl From<Error> for SaveError {
    fn from(error: Error) -> Self {
        match error {
            Error::Kv(error) => Self::Kv(error),
            Error::Row(error) => Self::Row(error),
        }
    }
}

from_check!(SaveError);

impl Groups {
    /// Groups in `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// The group as it was last saved.
    pub async fn load(&self, group: &GroupId) -> Result<Option<Saved>, Error> {
        self.db
            .read("load group", |tx| async move {
                let Some(head) = tx.get(&head_key(group)).await? else { return Ok(None) };
                let head = decode_head(&head)?;
                let chunks = tx.range(body_range(group)).await?;
                let members = decode_body(&chunks.into_iter().flat_map(|(_, chunk)| chunk).collect::<Vec<u8>>())?;
                Ok(Some(Saved { fence: head.fence, at: head.saved, snapshot: head.with_members(members) }))
            })
            .await
    }

    /// Saves `snapshot` as the successor of the save `expected` (`None`: the group is not stored yet). `token` is random
    /// and new for every save. Answers the fence of the new save. Only as long as `lease`, on the group, is held.
    pub async fn save(
        &self,
        lease: &Lease,
        group: &GroupId,
        expected: Option<Fence>,
        token: u64,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Fence, SaveError> {
        let fence = Fence { revision: expected.map_or(0, |fence| fence.revision).wrapping_add(1), token };
        let head = encode_head(&Head::of(snapshot, fence, now));
        let body = encode_body(&snapshot.members);
        let (head, body) = (&head, &body);
        self.db
            .run("save group", |tx| async move {
                let stored = fence_under(&tx, lease, group).await?;
                if stored == Some(fence) {
                    return Ok(fence);
                }
                if stored != expected {
                    return Err(SaveError::Fenced);
                }
                tx.set(&head_key(group), head);
                let all = body_range(group);
                tx.clear_range(&all.begin, &all.end);
                for (number, chunk) in split(body) {
                    tx.set(&body_key(group, number), chunk);
                }
                Ok(fence)
            })
            .await
    }

    /// Deletes the group of save `expected` (`None`: it was never saved) and all its offsets. Only as long as `lease`, on
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

    /// At most `limit` groups after `after`, in the order of their keys.
    pub async fn list(&self, after: Option<&GroupId>, limit: usize) -> Result<Page, Error> {
        self.db
            .read("list groups", |tx| async move {
                let rows = tx.range(heads_after(after).limit(limit)).await?;
                let is_last = rows.len() < limit;
                let groups = rows.iter().map(|(key, row)| listed(key, row)).collect::<Result<Vec<_>, _>>()?;
                let next = groups.last().filter(|_| !is_last).map(|listed| listed.group.clone());
                Ok(Page { groups, next })
            })
            .await
    }
}

fn listed(key: &[u8], row: &[u8]) -> Result<Listed, RowError> {
    let head = decode_head(row)?;
    Ok(Listed {
        group: listed_group(key)?,
        state: head.state,
        protocol_type: head.protocol_type,
        members: head.members,
    })
}

/// Which save of `group` is stored, where `lease`, on the group, is held. Both are read at once.
pub(crate) async fn fence_under(tx: &Tx, lease: &Lease, group: &GroupId) -> Result<Option<Fence>, SaveError> {
    let (held, stored) = join(leases::check(tx, lease), stored_fence(tx, group)).await;
    held?;
    Ok(stored?)
}

/// Which save of `group` is stored; a read conflict, so that whoever reads it is ordered with all saves.
pub(crate) async fn stored_fence(tx: &Tx, group: &GroupId) -> Result<Option<Fence>, Error> {
    Ok(stored_head(tx, group).await?.map(|head| head.fence))
}

pub(crate) async fn stored_head(tx: &Tx, group: &GroupId) -> Result<Option<Head>, Error> {
    let row = tx.get(&head_key(group)).await?;
    Ok(row.map(|row| decode_head(&row)).transpose()?)
}

/// Clears the rows of `group` itself.
pub(crate) fn clear_group(tx: &Tx, group: &GroupId) {
    tx.clear(&head_key(group));
    let body = body_range(group);
    tx.clear_range(&body.begin, &body.end);
}
