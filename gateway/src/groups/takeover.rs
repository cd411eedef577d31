//! Loads the groups that this agent became coordinator of without waiting for a request, so that the sessions of
//! members that have died expire.

use alluvium_model::group::GroupId;
use futures::{StreamExt, future, stream};
use tokio_util::sync::CancellationToken;

use super::config::{LIST_PAGE, LOAD_RETRY_PAUSE, LOADS_AT_ONCE};
use super::coordinator::Groups;
use super::request::Request;

impl Groups {
    /// Loads all groups that have members and are coordinated here. Returns whether every one of them was loaded.
    ///
    /// # Errors
    /// If the list of groups cannot be read.
    pub async fn load_all(&self) -> Result<bool, alluvium_metastore::Error> {
        let (mut all, mut after) = (true, None);
        loop {
            let page = self.0.context.store.list(after.as_ref(), LIST_PAGE).await?;
            let with_members = page.groups.into_iter().filter(|listed| listed.members > 0).map(|listed| listed.group);
            let ours = with_members.filter(|group| self.0.context.ownership.is_coordinator(group));
            let loaded = stream::iter(ours).map(|group| self.load(group)).buffered(LOADS_AT_ONCE);
            all &= loaded.fold(true, |all, loaded| future::ready(all && loaded)).await;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn load(&self, group: GroupId) -> bool {
        self.ask(&group, Request::Load).await.is_ok_and(|loaded| loaded)
    }

    /// Calls [`Self::load_all`] at the start, and whenever agents come or go, until `cancel`. (Groups that this agent
    /// no longer coordinates leave memory by themselves.) To be run once, in the background.
    pub async fn run_takeovers(self, cancel: CancellationToken) {
        let mut changes = self.0.context.ownership.session.changes();
        loop {
            changes.mark_unchanged();
            let loaded = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                loaded = self.load_all() => loaded,
            };
            let is_done = loaded.unwrap_or_else(|error| {
                tracing::warn!(%error, "groups cannot be listed; each is loaded at its first request");
                false
            });
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                Ok(()) = changes.changed() => {}
                () = tokio::time::sleep(LOAD_RETRY_PAUSE), if !is_done => {}
            }
        }
    }
}
