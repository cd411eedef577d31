//! Groups that became ours come into memory, although nobody asks: members that are gone must expire.

use alluvium_model::group::GroupId;
use futures::{StreamExt, future, stream};
use tokio_util::sync::CancellationToken;

use super::config::{LIST_PAGE, WAKE_PAUSE, WAKES_AT_ONCE};
use super::coordinator::Groups;
use super::request::Request;

impl Groups {
    /// Brings all groups that have members and are coordinated here into memory. Whether each of them came.
    ///
    /// # Errors
    /// Where the list of groups cannot be read.
    pub async fn wake_all(&self) -> Result<bool, alluvium_metastore::Error> {
        let (mut all, mut after) = (true, None);
        loop {
            let page = self.0.context.store.list(after.as_ref(), LIST_PAGE).await?;
            let peopled = page.groups.into_iter().filter(|listed| listed.members > 0).map(|listed| listed.group);
            let ours = peopled.filter(|group| self.0.context.ownership.is_placed_here(group));
            let woken = stream::iter(ours).map(|group| self.wake(group)).buffered(WAKES_AT_ONCE);
            all &= woken.fold(true, |all, woken| future::ready(all && woken)).await;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn wake(&self, group: GroupId) -> bool {
        self.ask(&group, Request::Wake).await.is_ok_and(|woken| woken)
    }

    /// Wakes groups at the start, and whenever agents come or go, until `cancel`. (Groups that are no longer ours go by
    /// themselves.) To be run once, in the background.
    pub async fn follow(self, cancel: CancellationToken) {
        let mut changes = self.0.context.ownership.session.changes();
        loop {
            changes.mark_unchanged();
            let woken = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                woken = self.wake_all() => woken,
            };
            let is_done = woken.unwrap_or_else(|error| {
                tracing::warn!(%error, "groups could not be listed; each comes back when it is asked for");
                false
            });
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                Ok(()) = changes.changed() => {}
                () = tokio::time::sleep(WAKE_PAUSE), if !is_done => {}
            }
        }
    }
}
