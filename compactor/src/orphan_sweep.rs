//! Deletes orphans: objects in the bucket that the metastore does not know and never will.
//!
//! An agent that dies between upload and commit leaves an orphan, and so does a compactor that dies between put and
//! swap. Both abandon an object that is older than ten minutes, so an object that is much older and still unknown is
//! unused.

use std::time::Duration;

use alluvium_metastore::objects::KnownObjects;
use alluvium_model::{ObjectId, Timestamp, object_key};
use alluvium_objects::{ListedObject, Objects};

use crate::Report;
use crate::config::CompactorConfig;
use crate::error::MaintenanceError;
use crate::tasks::TaskStatus;

/// Objects listed, and looked up in the metastore, per request.
const PAGE_OBJECTS: usize = 1_000;
/// Minimum age of an orphan, whatever is configured: far above the age that commits and swaps allow their objects
/// (`limits::COMMIT_AGE_MAX`), so no object that is about to be committed is deleted.
pub(crate) const ORPHAN_AGE_MIN: Duration = Duration::from_secs(3600);

/// Finds orphans and deletes them.
pub(crate) struct OrphanSweep {
    known: KnownObjects,
    objects: Objects,
    /// Minimum age of an orphan.
    age_min: Duration,
    /// Orphans deleted by one sweep.
    deletes_max: usize,
    /// Whether orphans are only counted.
    is_dry_run: bool,
}

impl OrphanSweep {
    pub(crate) fn new(known: KnownObjects, objects: Objects, config: &CompactorConfig) -> Self {
        Self {
            known,
            objects,
            age_min: config.orphan_age.max(ORPHAN_AGE_MIN),
            deletes_max: config.sweep_deletes_max,
            is_dry_run: config.sweep_dry_run,
        }
    }

    /// Lists all objects and deletes the orphans among them.
    pub(crate) async fn run(
        &self,
        now: Timestamp,
        status: &TaskStatus,
        report: &mut Report,
    ) -> Result<(), MaintenanceError> {
        let mut room = if self.is_dry_run { 0 } else { self.deletes_max };
        let mut left = 0;
        for prefix in [object_key::SEGMENTS, object_key::HISTORY] {
            let mut walk = self.objects.walk(prefix)?;
            loop {
                let page = walk.next_page(PAGE_OBJECTS).await?;
                let mut orphans = self.orphans(&page, now).await?;
                report.orphans_found += u64::try_from(orphans.len()).unwrap_or(u64::MAX);
                left += orphans.len().saturating_sub(room);
                orphans.truncate(room);
                room -= orphans.len();
                self.delete(&orphans, report).await;
                status.set_backlog(left);
                if page.len() < PAGE_OBJECTS {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The keys in `page` that are old enough and unknown. Objects whose names are not ours are never orphans.
    async fn orphans(&self, page: &[ListedObject], now: Timestamp) -> Result<Vec<String>, MaintenanceError> {
        let is_old = |written: Timestamp| written.plus(self.age_min) <= now;
        let old = page.iter().filter_map(|listed| {
            let id = object_key::parse(&listed.key)?;
            (is_old(id.created()) && is_old(Timestamp(listed.modified_ms))).then_some((id, listed))
        });
        let old: Vec<(ObjectId, &ListedObject)> = old.collect();
        if old.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ObjectId> = old.iter().map(|(id, _)| *id).collect();
        let known = self.known.known(&ids).await?;
        Ok(old.iter().zip(known).filter(|(_, known)| !known).map(|((_, listed), _)| listed.key.clone()).collect())
    }

    /// Deletes orphans. One that cannot be deleted is found again by the next sweep.
    async fn delete(&self, orphans: &[String], report: &mut Report) {
        if orphans.is_empty() {
            return;
        }
        tracing::info!(count = orphans.len(), first = orphans.first(), "deleting orphans");
        for result in self.objects.delete_each(orphans).await {
            match result {
                Ok(()) => report.orphans_deleted += 1,
                Err(error) => report.fail("deleting an orphan", &error),
            }
        }
    }
}
