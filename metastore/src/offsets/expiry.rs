//! Offsets expire, and with the last of them a group without members.
//!
//! A group's members keep its offsets. Once it is empty, all of them expire together, a retention later; those of a group
//! that never had members (simple consumers) each a retention after their commit. An expiry that the consumer gave goes
//! first.

use std::time::Duration;

use alluvium_model::{
    Timestamp,
    group::{GroupId, SavedState},
};

use super::{
    CommittedOffset, Offsets,
    codec::decode,
    key::{group_range, index_key, partition_of, topic_range},
    service::PAGE_ROWS_MAX,
};
use crate::{
    groups::{Groups, clear_group, stored_head},
    keyspace::Error,
    kv::{Range, Tx, key_after},
};

/// A group that became empty less than this ago is kept even without offsets: its coordinator may still hold it.
const EMPTY_GROUP_KEEP: Duration = Duration::from_secs(600);

/// One step of the sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Groups that were looked at.
    pub groups: usize,
    /// Offsets that expired.
    pub expired: usize,
    /// Groups that were deleted, for nothing was left of them.
    pub deleted: usize,
    /// After which group to go on; `None` at the end.
    pub next: Option<GroupId>,
}

impl Offsets {
    /// One step of the sweep: the next `limit` groups after `after`.
    pub async fn expire(
        &self,
        now: Timestamp,
        retention: Duration,
        after: Option<&GroupId>,
        limit: usize,
    ) -> Result<Sweep, Error> {
        let page = Groups::new(self.db.clone()).list(after, limit).await?;
        let mut sweep = Sweep { next: page.next, ..Sweep::default() };
        for listed in page.groups {
            sweep.groups += 1;
            if listed.state == SavedState::Empty {
                self.expire_group(&listed.group, now, retention, &mut sweep).await?;
            }
        }
        Ok(sweep)
    }

    async fn expire_group(
        &self,
        group: &GroupId,
        now: Timestamp,
        retention: Duration,
        sweep: &mut Sweep,
    ) -> Result<(), Error> {
        let mut range = group_range(group).limit(PAGE_ROWS_MAX);
        loop {
            let page = range.clone();
            let step = |tx: Tx| {
                let page = page.clone();
                async move { expire_page(&tx, group, page, now, retention).await }
            };
            let (expired, next) = self.db.run("expire offsets", step).await?;
            sweep.expired += expired;
            match next {
                Some(begin) => range.begin = begin,
                None => break,
            }
        }
        let deleted = self.db.run("delete expired group", |tx| async move { delete_if_bare(&tx, group, now).await });
        sweep.deleted += usize::from(deleted.await?);
        Ok(())
    }
}

/// Clears what has expired of a page. How much, and where the next page begins.
async fn expire_page(
    tx: &Tx,
    group: &GroupId,
    page: Range,
    now: Timestamp,
    retention: Duration,
) -> Result<(usize, Option<Vec<u8>>), Error> {
    let Some(head) = stored_head(tx, group).await?.filter(|head| head.state == SavedState::Empty) else {
        return Ok((0, None));
    };
    let emptied = head.protocol_type.is_some().then_some(head.saved);
    let rows = tx.range(page).await?;
    let mut expired = 0;
    for (key, row) in &rows {
        if has_expired(&decode(row)?, emptied, now, retention) {
            tx.clear(key);
            expired += 1;
            let topic = partition_of(key)?.topic;
            if tx.range(topic_range(group, topic).limit(1)).await?.is_empty() {
                tx.clear(&index_key(topic, group));
            }
        }
    }
    let next = rows.last().filter(|_| rows.len() == PAGE_ROWS_MAX).map(|(key, _)| key_after(key));
    Ok((expired, next))
}

fn has_expired(row: &CommittedOffset, emptied: Option<Timestamp>, now: Timestamp, retention: Duration) -> bool {
    let by_rule = emptied.unwrap_or(row.committed).plus(retention);
    row.expires.unwrap_or(by_rule) <= now
}

async fn delete_if_bare(tx: &Tx, group: &GroupId, now: Timestamp) -> Result<bool, Error> {
    let Some(head) = stored_head(tx, group).await? else { return Ok(false) };
    let is_old = head.saved.plus(EMPTY_GROUP_KEEP) <= now;
    let is_bare = tx.range(group_range(group).limit(1)).await?.is_empty();
    let goes = head.state == SavedState::Empty && is_old && is_bare;
    if goes {
        clear_group(tx, group);
    }
    Ok(goes)
}
