//! Deletes the data of deleted topics, and retired objects.

use alluvium_metastore::leases::Lease;
use alluvium_model::{ObjectId, Timestamp};

use super::Cleanup;
use crate::error::MaintenanceError;

/// Deleted topics examined in one round.
const TOPICS_MAX: usize = 100;
/// Rows deleted in one step of a purge.
const PURGE_STEP_ROWS: usize = 500;
/// Steps of one topic's purge in one round; the next round continues.
const PURGE_STEPS_MAX: usize = 10_000;
/// Steps in one round of retiring objects without references: up to 1,000 objects each.
const RETIRE_STEPS_MAX: usize = 1_000;
/// Objects deleted in one batch: what S3 takes in one request.
const DELETE_OBJECTS: usize = 1_000;
/// Batches of deletions in one round.
const DELETE_BATCHES_MAX: usize = 100;

impl Cleanup {
    /// Purges topics whose deletion is due. Returns how many.
    pub(crate) async fn purge_topics(&self, lease: &Lease, now: Timestamp) -> Result<u64, MaintenanceError> {
        let topics = &self.metastore.topics;
        let mut purged = 0;
        for deleted in topics.deleted_due(now, TOPICS_MAX).await? {
            for _ in 0..PURGE_STEPS_MAX {
                if topics.purge(lease, deleted.topic.id, PURGE_STEP_ROWS, now).await? {
                    purged += 1;
                    break;
                }
            }
        }
        Ok(purged)
    }

    /// Retires objects that have no references left, then deletes retired objects that are due. Returns how many. The object is deleted from the bucket before its row: an
    /// object whose row is left is deleted again, but one without a row would be an orphan.
    pub(crate) async fn delete_retired(&self, lease: &Lease, now: Timestamp) -> Result<u64, MaintenanceError> {
        for _ in 0..RETIRE_STEPS_MAX {
            if self.metastore.objects.retire_released(lease, now, self.config.retire_grace).await?.done {
                break;
            }
        }
        let mut deleted = 0;
        for _ in 0..DELETE_BATCHES_MAX {
            let due = self.metastore.objects.retired_due(now, DELETE_OBJECTS).await?;
            if due.is_empty() {
                break;
            }
            let keys: Vec<String> = due.iter().map(|retired| retired.key.clone()).collect();
            let ids: Vec<ObjectId> = due.iter().map(|retired| retired.id).collect();
            self.objects.delete(&keys).await?;
            self.metastore.objects.forget(lease, &ids).await?;
            deleted += u64::try_from(due.len()).unwrap_or(u64::MAX);
        }
        Ok(deleted)
    }
}
