//! Deletes the data of deleted topics, and retired objects.

use alluvium_metastore::leases::Lease;
use alluvium_metastore::objects::Retired;
use alluvium_model::{ObjectId, Timestamp};

use super::Cleanup;
use crate::Report;
use crate::error::MaintenanceError;
use crate::tasks::TaskStatus;

/// Deleted topics examined in one step.
const TOPICS_MAX: usize = 100;
/// Rows deleted in one step of a purge.
const PURGE_STEP_ROWS: usize = 500;
/// Objects deleted in one step: what S3 takes in one request.
const DELETE_OBJECTS: usize = 1_000;

impl Cleanup {
    /// Purges the topics whose deletion is due.
    pub(crate) async fn purge_topics(
        &self,
        lease: &Lease,
        now: Timestamp,
        status: &TaskStatus,
        report: &mut Report,
    ) -> Result<(), MaintenanceError> {
        let topics = &self.metastore.topics;
        loop {
            let due = topics.deleted_due(now, TOPICS_MAX).await?;
            status.set_backlog(due.len());
            if due.is_empty() {
                return Ok(());
            }
            for deleted in due {
                while !topics.purge(lease, deleted.topic.id, PURGE_STEP_ROWS, now).await? {}
                report.topics_purged += 1;
            }
        }
    }

    /// Retires the objects that have no references left, and deletes the retired ones that are due; with `is_forced`
    /// also those that failed a short time ago. An object is deleted from the bucket before its row: an object whose
    /// row is left is deleted again, but one without a row would be an orphan. An object that cannot be deleted is
    /// tried again later, and keeps nothing else.
    pub(crate) async fn delete_retired(
        &self,
        lease: &Lease,
        now: Timestamp,
        is_forced: bool,
        status: &TaskStatus,
        report: &mut Report,
    ) -> Result<(), MaintenanceError> {
        while !self.metastore.objects.retire_released(lease, now, self.config.retire_grace).await?.done {}
        let mut after = None;
        loop {
            let due = self.metastore.objects.retired_due_after(now, after, DELETE_OBJECTS).await?;
            let Some(last) = due.last() else { break };
            after = Some((last.due, last.id));
            let waiting = |retired: &Retired| !is_forced && self.failed.is_waiting(retired.id, now);
            let tried: Vec<Retired> = due.into_iter().filter(|retired| !waiting(retired)).collect();
            status.set_backlog(tried.len() + self.failed.len());
            self.delete_step(lease, tried, now, report).await?;
        }
        status.set_backlog(self.failed.len());
        Ok(())
    }

    /// Forgets which deletions failed: another compactor deletes from now on.
    pub(crate) fn forget_failures(&self) {
        self.failed.clear();
    }

    async fn delete_step(
        &self,
        lease: &Lease,
        retired: Vec<Retired>,
        now: Timestamp,
        report: &mut Report,
    ) -> Result<(), MaintenanceError> {
        let keys: Vec<String> = retired.iter().map(|retired| retired.key.clone()).collect();
        let results = self.objects.delete_each(&keys).await;
        let deleted: Vec<ObjectId> =
            retired.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(retired, _)| retired.id).collect();
        if !deleted.is_empty() {
            self.metastore.objects.forget(lease, &deleted).await?;
            self.failed.remove(&deleted);
            report.objects_deleted += u64::try_from(deleted.len()).unwrap_or(u64::MAX);
        }
        let failures = retired.iter().zip(results).filter_map(|(retired, result)| Some((retired.id, result.err()?)));
        let failures: Vec<_> = failures.collect();
        let Some((_, error)) = failures.first() else { return Ok(()) };
        if deleted.is_empty() && error.is_retryable() {
            // The store itself fails: nothing else would succeed either.
            return Err(error.clone().into());
        }
        report.fail(&format!("deleting {} retired objects", failures.len()), error);
        failures.iter().for_each(|(id, _)| self.failed.add(*id, now));
        Ok(())
    }
}
