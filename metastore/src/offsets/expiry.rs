//! Offsets expire, and with the last of them a group without members.
//!
//! As in Kafka (KIP-211). The members of a stable group keep the offsets of the topics that they subscribe to; those of
//! other topics expire each a retention after their commit. Once a group is empty, all of its offsets expire together, a
//! retention later; those of a group that never had members (simple consumers) each a retention after their commit. An
//! expiry that the consumer gave goes first. Where it cannot be told what members subscribe to, nothing expires.

use std::{collections::BTreeSet, time::Duration};

use alluvium_model::{
    Timestamp, TopicId,
    group::{GroupId, SavedState, Subscriptions},
};

use super::{
    CommittedOffset, Offsets,
    codec::decode,
    key::{group_range, index_key, partition_of, topic_range},
    service::PAGE_ROWS_MAX,
};
use crate::{
    groups::{Fence, Groups, clear_group, stored_fence, stored_head},
    keyspace::Error,
    kv::{Range, Tx, key_after},
    leases::{self, CheckError, Lease},
    topics::Topics,
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
    /// One step of the sweep: the next `limit` groups after `after`. Only as long as `lease` is held.
    pub async fn expire(
        &self,
        lease: &Lease,
        now: Timestamp,
        retention: Duration,
        after: Option<&GroupId>,
        limit: usize,
    ) -> Result<Sweep, CheckError> {
        let page = Groups::new(self.db.clone()).list(after, limit).await?;
        let mut sweep = Sweep { next: page.next, ..Sweep::default() };
        for listed in page.groups {
            sweep.groups += 1;
            match listed.state {
                SavedState::Empty => self.expire_empty(lease, &listed.group, now, retention, &mut sweep).await?,
                SavedState::Stable => {
                    sweep.expired += self.expire_unsubscribed(lease, &listed.group, now, retention).await?;
                }
                SavedState::CompletingRebalance => {}
            }
        }
        Ok(sweep)
    }

    async fn expire_empty(
        &self,
        lease: &Lease,
        group: &GroupId,
        now: Timestamp,
        retention: Duration,
        sweep: &mut Sweep,
    ) -> Result<(), CheckError> {
        let saved = Groups::new(self.db.clone()).load(group).await?;
        let Some(saved) = saved.filter(|saved| saved.snapshot.state == SavedState::Empty) else { return Ok(()) };
        let emptied = saved.snapshot.protocol_type.is_some().then_some(saved.at);
        let rule = Rule { now, retention, emptied, subscribed: BTreeSet::new() };
        sweep.expired += self.expire_pages(lease, group, saved.fence, &rule).await?;
        let deleted = self.db.run("delete expired group", |tx| async move {
            leases::check(&tx, lease).await?;
            Ok::<_, CheckError>(delete_if_bare(&tx, group, now).await?)
        });
        sweep.deleted += usize::from(deleted.await?);
        Ok(())
    }

    async fn expire_unsubscribed(
        &self,
        lease: &Lease,
        group: &GroupId,
        now: Timestamp,
        retention: Duration,
    ) -> Result<usize, CheckError> {
        let Some(saved) = Groups::new(self.db.clone()).load(group).await? else { return Ok(0) };
        let Subscriptions::Topics(names) = saved.snapshot.subscriptions() else { return Ok(0) };
        let topics = Topics::new(self.db.clone());
        let mut subscribed = BTreeSet::new();
        for name in names {
            // A topic created from here on has no offsets that are old.
            subscribed.extend(topics.by_name(&name).await?.map(|topic| topic.id));
        }
        self.expire_pages(lease, group, saved.fence, &Rule { now, retention, emptied: None, subscribed }).await
    }

    /// Clears what has expired of `group` by `rule`, as long as the group is as it was in the save of `fence`. How much.
    async fn expire_pages(
        &self,
        lease: &Lease,
        group: &GroupId,
        fence: Fence,
        rule: &Rule,
    ) -> Result<usize, CheckError> {
        let mut range = group_range(group).limit(PAGE_ROWS_MAX);
        let mut cleared = 0;
        loop {
            let page = range.clone();
            let step = |tx: Tx| {
                let page = page.clone();
                async move {
                    leases::check(&tx, lease).await?;
                    Ok::<_, CheckError>(expire_page(&tx, group, fence, page, rule).await?)
                }
            };
            let (expired, next) = self.db.run("expire offsets", step).await?;
            cleared += expired;
            match next {
                Some(begin) => range.begin = begin,
                None => return Ok(cleared),
            }
        }
    }
}

/// When offsets of one group expire.
struct Rule {
    now: Timestamp,
    retention: Duration,
    /// Since when the group is empty, where it had members.
    emptied: Option<Timestamp>,
    /// Topics that members work on.
    subscribed: BTreeSet<TopicId>,
}

impl Rule {
    fn has_expired(&self, topic: TopicId, row: &CommittedOffset) -> bool {
        let by_rule = self.emptied.unwrap_or(row.committed).plus(self.retention);
        !self.subscribed.contains(&topic) && row.expires.unwrap_or(by_rule) <= self.now
    }
}

/// Clears what has expired of a page. How much, and where the next page begins.
async fn expire_page(
    tx: &Tx,
    group: &GroupId,
    fence: Fence,
    page: Range,
    rule: &Rule,
) -> Result<(usize, Option<Vec<u8>>), Error> {
    if stored_fence(tx, group).await? != Some(fence) {
        return Ok((0, None));
    }
    let rows = tx.range(page).await?;
    let mut expired = 0;
    for (key, row) in &rows {
        let topic = partition_of(key)?.topic;
        if rule.has_expired(topic, &decode(row)?) {
            tx.clear(key);
            expired += 1;
            if tx.range(topic_range(group, topic).limit(1)).await?.is_empty() {
                tx.clear(&index_key(topic, group));
            }
        }
    }
    let next = rows.last().filter(|_| rows.len() == PAGE_ROWS_MAX).map(|(key, _)| key_after(key));
    Ok((expired, next))
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
