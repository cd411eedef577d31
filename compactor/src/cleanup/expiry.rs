//! Deletes expired rows: old feed entries, idle producers, unused group offsets, leases without owners.

use alluvium_metastore::leases::Lease;
use alluvium_model::Timestamp;

use super::Cleanup;
use crate::error::MaintenanceError;

/// Feed entries deleted in one step.
const FEED_STEP_ENTRIES: usize = 1_000;
/// Rows (producer windows, groups or leases) examined in one step.
const EXPIRY_STEP_ROWS: usize = 1_000;
/// Steps of each kind in one round; the next round continues.
const STEPS_MAX: usize = 1_000;

impl Cleanup {
    /// Deletes feed entries that every agent read long ago.
    pub(crate) async fn trim_feed(&self, lease: &Lease, now: Timestamp) -> Result<(), MaintenanceError> {
        for _ in 0..STEPS_MAX {
            let trimmed = self.metastore.feed.trim(lease, now, self.config.feed_retention, FEED_STEP_ENTRIES).await?;
            if trimmed < FEED_STEP_ENTRIES {
                break;
            }
        }
        Ok(())
    }

    /// Deletes the windows of idle producers.
    pub(crate) async fn expire_producers(&self, lease: &Lease, now: Timestamp) -> Result<(), MaintenanceError> {
        for _ in 0..STEPS_MAX {
            if self.metastore.producers.expire(lease, now, self.config.producer_expiry, EXPIRY_STEP_ROWS).await?.done {
                break;
            }
        }
        Ok(())
    }

    /// Deletes the offsets of groups that have been without members for the retention period.
    pub(crate) async fn expire_offsets(&self, lease: &Lease, now: Timestamp) -> Result<(), MaintenanceError> {
        let retention = self.config.offsets_retention;
        let mut after = None;
        for _ in 0..STEPS_MAX {
            let step = self.metastore.offsets.expire(lease, now, retention, after.as_ref(), EXPIRY_STEP_ROWS).await?;
            after = step.next;
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Deletes leases whose owners are gone.
    pub(crate) async fn expire_leases(&self) -> Result<(), MaintenanceError> {
        let mut after = None;
        for _ in 0..STEPS_MAX {
            after = self.metastore.leases.sweep(after.as_deref(), EXPIRY_STEP_ROWS).await?.next;
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }
}
