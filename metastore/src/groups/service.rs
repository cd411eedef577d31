//! Groups as transactions.

use std::sync::Arc;

use alluvium_model::{
    Timestamp,
    group::{GroupId, SavedState, Snapshot},
};
use futures::future::join;
use thiserror::Error as ThisError;

use super::{
    head_row::{Fence, GroupHead, decode_head, encode_head},
    key::{decode_head_key, head_key, heads_after, members_key, members_range},
    members_row::{decode_members, encode_members},
};
use crate::{
    keyspace::{Error, RowError, split},
    kv::{self, Db, Tx},
    leases::{self, Lease, from_check},
};

/// Consumer groups. Clones share the store.
#[derive(Clone)]
pub struct Groups {
    pub(crate) db: Db,
}

/// A group as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The fence of the save: needed for the next save.
    pub fence: Fence,
    /// The time of the save, ms; for an empty group the time at which it became empty.
    pub at: Timestamp,
    /// The group itself.
    pub snapshot: Snapshot,
}

/// One entry of the list of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// The name of the group.
    pub group: GroupId,
    /// Its state when it was saved.
    pub state: SavedState,
    /// The kind of group (`consumer`, `connect` ...); `None` if it only holds offsets.
    pub protocol_type: Option<Arc<str>>,
    /// Number of its members.
    pub members: u64,
}

/// One page of the list of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The groups, in the order of their keys.
    pub groups: Vec<ListedGroup>,
    /// The group after which the next page begins; `None` at the end.
    pub next: Option<GroupId>,
}

/// Why a group, or its offsets, were not changed.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum SaveError {
    /// The lease on the group is not held any more, or another coordinator has saved or deleted the group since: load
    /// it again.
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
                let chunks = tx.range(members_range(group)).await?;
                let members = decode_members(&chunks.into_iter().flat_map(|(_, chunk)| chunk).collect::<Vec<u8>>())?;
                Ok(Some(Saved { fence: head.fence, at: head.saved, snapshot: head.with_members(members) }))
            })
            .await
    }

    /// Saves `snapshot` as the successor of the save `expected` (`None`: the group is not stored yet), as long as
    /// `lease`, on the group, is held. `token` is random and new for every save. Returns the fence of the new save.
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
        let head = encode_head(&GroupHead::of(snapshot, fence, now));
        let members = encode_members(&snapshot.members);
        let (head, members) = (&head, &members);
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
                let all = members_range(group);
                tx.clear_range(&all.begin, &all.end);
                for (number, chunk) in split(members) {
                    tx.set(&members_key(group, number), chunk);
                }
                Ok(fence)
            })
            .await
    }

    /// The list of groups after `after`, in the order of their keys: at most `limit`.
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

fn listed(key: &[u8], row: &[u8]) -> Result<ListedGroup, RowError> {
    let head = decode_head(row)?;
    Ok(ListedGroup {
        group: decode_head_key(key)?,
        state: head.state,
        protocol_type: head.protocol_type,
        members: head.members,
    })
}

/// The fence of the stored save of `group`, if `lease`, on the group, is held. Both are read at once.
pub(crate) async fn fence_under(tx: &Tx, lease: &Lease, group: &GroupId) -> Result<Option<Fence>, SaveError> {
    let (held, stored) = join(leases::check(tx, lease), stored_fence(tx, group)).await;
    held?;
    Ok(stored?)
}

/// The fence of the stored save of `group`. The read adds a conflict range, so that the transaction is ordered with all
/// saves.
pub(crate) async fn stored_fence(tx: &Tx, group: &GroupId) -> Result<Option<Fence>, Error> {
    Ok(stored_head(tx, group).await?.map(|head| head.fence))
}

/// The stored head of `group`.
pub(crate) async fn stored_head(tx: &Tx, group: &GroupId) -> Result<Option<GroupHead>, Error> {
    let row = tx.get(&head_key(group)).await?;
    Ok(row.map(|row| decode_head(&row)).transpose()?)
}

/// Clears the rows of `group`, but not its offsets.
pub(crate) fn clear_group(tx: &Tx, group: &GroupId) {
    tx.clear(&head_key(group));
    let members = members_range(group);
    tx.clear_range(&members.begin, &members.end);
}
