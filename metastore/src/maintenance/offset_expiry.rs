//! The expiry of committed offsets, and of groups that have neither members nor offsets left.
//!
//! The rules are in `alluvium_model::group::offset_expiry`. Here they are applied to one page of groups after the
//! other.

use std::{collections::BTreeSet, time::Duration};

use alluvium_model::{
    Timestamp,
    group::{ExpiryRule, GroupId, SavedState, Subscriptions, may_delete_expired},
};

use crate::{
    groups::{Fence, Groups, clear_group, stored_fence, stored_head},
    keyspace::Error,
    kv::{Range, Tx, key_after},
    leases::{self, CheckError, Lease},
    offsets::{Offsets, PAGE_ROWS_MAX, decode, group_range, index_key, partition_of, topic_range},
    topics::Topics,
};

/// The result of one step of the expiry of offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetExpiryStep {
    /// Number of groups that were read.
    pub groups: usize,
    /// Number of offsets that expired.
    pub expired: usize,
    /// Number of groups that were deleted because they had neither members nor offsets left.
    pub deleted: usize,
    /// The group after which the next step continues; `None` at the end.
    pub next: Option<GroupId>,
}

impl Offsets {
    /// One step of the expiry: the next `limit` groups after `after`, as long as `lease` is held.
    pub async fn expire(
        &self,
        lease: &Lease,
        now: Timestamp,
        retention: Duration,
        after: Option<&GroupId>,
        limit: usize,
    ) -> Result<OffsetExpiryStep, CheckError> {
        let page = Groups::new(self.db.clone()).list(after, limit).await?;
        let mut step = OffsetExpiryStep { next: page.next, ..OffsetExpiryStep::default() };
        for listed in page.groups {
            step.groups += 1;
            match listed.state {
                SavedState::Empty => self.expire_empty(lease, &listed.group, now, retention, &mut step).await?,
                SavedState::Stable => {
                    step.expired += self.expire_unsubscribed(lease, &listed.group, now, retention).await?;
                }
                SavedState::CompletingRebalance | SavedState::PreparingRebalance => {}
            }
        }
        Ok(step)
    }

    async fn expire_empty(
        &self,
        lease: &Lease,
        group: &GroupId,
        now: Timestamp,
        retention: Duration,
        step: &mut OffsetExpiryStep,
    ) -> Result<(), CheckError> {
        let saved = Groups::new(self.db.clone()).load(group).await?;
        let Some(saved) = saved.filter(|saved| saved.snapshot.state == SavedState::Empty) else { return Ok(()) };
        let rule = ExpiryRule::of_empty(&saved.snapshot, saved.at, now, retention);
        step.expired += self.expire_pages(lease, group, saved.fence, &rule).await?;
        let deleted = self.db.run("delete expired group", |tx| async move {
            leases::check(&tx, lease).await?;
            Ok::<_, CheckError>(delete_if_expired(&tx, group, now).await?)
        });
        step.deleted += usize::from(deleted.await?);
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
        let topics = Topics { db: self.db.clone() };
        let mut subscribed = BTreeSet::new();
        for name in names {
            // A topic that is created after this read has no offsets that are old enough to expire.
            subscribed.extend(topics.by_name(&name).await?.map(|topic| topic.id));
        }
        let rule = ExpiryRule::of_subscribed(subscribed, now, retention);
        self.expire_pages(lease, group, saved.fence, &rule).await
    }

    /// Clears the offsets of `group` that have expired by `rule`, as long as `fence` is stored. Returns their number.
    async fn expire_pages(
        &self,
        lease: &Lease,
        group: &GroupId,
        fence: Fence,
        rule: &ExpiryRule,
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

/// Clears the offsets of a page that have expired. Returns their number, and where the next page begins.
async fn expire_page(
    tx: &Tx,
    group: &GroupId,
    fence: Fence,
    page: Range,
    rule: &ExpiryRule,
) -> Result<(usize, Option<Vec<u8>>), Error> {
    if stored_fence(tx, group).await? != Some(fence) {
        return Ok((0, None));
    }
    let rows = tx.range(page).await?;
    let mut expired = 0;
    for (key, row) in &rows {
        let topic = partition_of(key)?.topic;
        let offset = decode(row)?;
        if rule.has_expired(topic, offset.committed, offset.expires) {
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

async fn delete_if_expired(tx: &Tx, group: &GroupId, now: Timestamp) -> Result<bool, Error> {
    let Some(head) = stored_head(tx, group).await? else { return Ok(false) };
    let has_offsets = !tx.range(group_range(group).limit(1)).await?.is_empty();
    let is_expired = may_delete_expired(head.state, head.saved, has_offsets, now);
    if is_expired {
        clear_group(tx, group);
    }
    Ok(is_expired)
}
