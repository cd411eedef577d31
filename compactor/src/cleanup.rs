//! What is due to go: deleted topics, retired objects, old feed entries, idle producers, expired offsets.

use std::time::Duration;

use alluvium_metastore::Metastore;
use alluvium_metastore::leases::Lease;
use alluvium_model::{ObjectId, Timestamp};
use alluvium_objects::Objects;

use crate::config::CompactorConfig;
use crate::error::UpkeepError;

/// Deleted topics looked at in one round.
const TOPICS_MAX: usize = 100;
/// Rows of one step of a purge.
const PURGE_STEP_ROWS: usize = 500;
/// Steps of one topic's purge in one round; the next round goes on.
const PURGE_STEPS_MAX: usize = 10_000;
/// Objects deleted at once: what S3 takes in one request.
const DELETE_OBJECTS: usize = 1_000;
/// Batches of deletions in one round.
const DELETE_BATCHES_MAX: usize = 100;
/// Feed entries of one step.
const FEED_STEP_ENTRIES: usize = 1_000;
/// Windows or groups of one step of an expiry.
const EXPIRY_STEP_ROWS: usize = 1_000;
/// Steps of one expiry or feed trim in one round.
const STEPS_MAX: usize = 1_000;

/// Removes what is due, each thing under the lease on its role.
pub(crate) struct Cleanup {
    metastore: Metastore,
    objects: Objects,
    config: CompactorConfig,
}

impl Cleanup {
    pub(crate) fn new(metastore: Metastore, objects: Objects, config: CompactorConfig) -> Self {
        Self { metastore, objects, config }
    }

    /// Purges topics whose deletion is due; how many.
    pub(crate) async fn purge_topics(&self, lease: &Lease, now: Timestamp) -> Result<u64, UpkeepError> {
        let topics = &self.metastore.topics;
        let mut purged = 0;
        for deleted in topics.deleted_due(now, TOPICS_MAX).await? {
            for _ in 0..PURGE_STEPS_MAX {
                if topics.purge(lease, deleted.topic.id, PURGE_STEP_ROWS, now, self.config.retire_grace).await? {
                    purged += 1;
                    break;
                }
            }
        }
        Ok(purged)
    }

    /// Deletes retired objects that are due; how many. The bucket goes first: an object that the metastore still knows
    /// and that is gone is deleted again, one that it no longer knows and that is there would be an orphan.
    pub(crate) async fn delete_retired(&self, lease: &Lease, now: Timestamp) -> Result<u64, UpkeepError> {
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

    /// Forgets feed entries that every agent has long read.
    pub(crate) async fn trim_feed(&self, lease: &Lease, now: Timestamp) -> Result<(), UpkeepError> {
        for _ in 0..STEPS_MAX {
            let trimmed = self.metastore.feed.trim(lease, now, self.config.feed_retention, FEED_STEP_ENTRIES).await?;
            if trimmed < FEED_STEP_ENTRIES {
                break;
            }
        }
        Ok(())
    }

    /// Forgets idle producers.
    pub(crate) async fn expire_producers(&self, lease: &Lease, now: Timestamp) -> Result<(), UpkeepError> {
        for _ in 0..STEPS_MAX {
            if self.metastore.producers.expire(lease, now, self.config.producer_expiry, EXPIRY_STEP_ROWS).await?.done {
                break;
            }
        }
        Ok(())
    }

    /// Forgets offsets of groups that nobody uses any more.
    pub(crate) async fn expire_offsets(&self, lease: &Lease, now: Timestamp) -> Result<(), UpkeepError> {
        let retention: Duration = self.config.offsets_retention;
        let mut after = None;
        for _ in 0..STEPS_MAX {
            let sweep = self.metastore.offsets.expire(lease, now, retention, after.as_ref(), EXPIRY_STEP_ROWS).await?;
            after = sweep.next;
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }
    /// Forgets leases whose owners are gone.
    pub(crate) async fn sweep_leases(&self) -> Result<(), UpkeepError> {
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
