//! Deletes expired rows: old feed entries, idle producers, unused group offsets, leases without owners. Each goes on
//! until it has seen all rows.

use alluvium_metastore::leases::Lease;
use alluvium_model::Timestamp;

use super::Cleanup;
use crate::error::MaintenanceError;
use crate::tasks::TaskStatus;

/// Feed entries deleted in one step.
const FEED_STEP_ENTRIES: usize = 1_000;
/// Rows (producer windows, groups or leases) examined in one step.
const EXPIRY_STEP_ROWS: usize = 1_000;

impl Cleanup {
    /// Deletes feed entries that every agent read long ago.
    pub(crate) async fn trim_feed(
        &self,
        lease: &Lease,
        now: Timestamp,
        status: &TaskStatus,
    ) -> Result<(), MaintenanceError> {
        loop {
            let trimmed = self.metastore.feed.trim(lease, now, self.config.feed_retention, FEED_STEP_ENTRIES).await?;
            let is_done = trimmed < FEED_STEP_ENTRIES;
            status.set_backlog(if is_done { 0 } else { FEED_STEP_ENTRIES });
            if is_done {
                return Ok(());
            }
        }
    }

    /// Deletes the windows of idle producers, and idle transactional ids: one sweep over all of them.
    pub(crate) async fn expire_producers(
        &self,
        lease: &Lease,
        now: Timestamp,
        status: &TaskStatus,
    ) -> Result<(), MaintenanceError> {
        status.set_backlog(1);
        while !self.metastore.producers.expire(lease, now, self.config.producer_expiry, EXPIRY_STEP_ROWS).await?.done {}
        let expiration = self.config.transactional_id_expiration;
        let mut after = None;
        while let (Some(next), _) = self.metastore.transactions.forget_idle(lease, after, now, expiration).await? {
            after = Some(next);
        }
        status.set_backlog(0);
        Ok(())
    }

    /// Deletes the offsets of groups that have been without members for the retention period.
    pub(crate) async fn expire_offsets(
        &self,
        lease: &Lease,
        now: Timestamp,
        status: &TaskStatus,
    ) -> Result<(), MaintenanceError> {
        let retention = self.config.offsets_retention;
        status.set_backlog(1);
        let mut after = None;
        loop {
            let step = self.metastore.offsets.expire(lease, now, retention, after.as_ref(), EXPIRY_STEP_ROWS).await?;
            after = step.next;
            if after.is_none() {
                status.set_backlog(0);
                return Ok(());
            }
        }
    }

    /// Deletes leases whose owners are gone.
    pub(crate) async fn expire_leases(&self, status: &TaskStatus) -> Result<(), MaintenanceError> {
        status.set_backlog(1);
        let mut after = None;
        loop {
            after = self.metastore.leases.sweep(after.as_deref(), EXPIRY_STEP_ROWS).await?.next;
            if after.is_none() {
                status.set_backlog(0);
                return Ok(());
            }
        }
    }
}
