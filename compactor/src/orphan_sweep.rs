//! Deletes orphans: objects in the bucket that the metastore does not know and never will.
//!
//! An agent that dies between upload and commit leaves an orphan, and so does a compactor that dies between put and
//! swap. Both abandon an object that is older than ten minutes, so an object that is much older and still unknown is
//! unused.

use std::time::Duration;

use alluvium_metastore::objects::KnownObjects;
use alluvium_model::{ObjectId, Timestamp, object_key};
use alluvium_objects::{ListedObject, Objects};

use crate::config::CompactorConfig;
use crate::error::MaintenanceError;

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

/// Result of one sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SweepResult {
    /// Orphans found.
    pub(crate) found: u64,
    /// Orphans deleted.
    pub(crate) deleted: u64,
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
    pub(crate) async fn run(&self, now: Timestamp) -> Result<SweepResult, MaintenanceError> {
        let mut result = SweepResult::default();
        for prefix in [object_key::SEGMENTS, object_key::HISTORY] {
            let mut after: Option<String> = None;
            loop {
                let page = self.objects.list(prefix, after.as_deref(), PAGE_OBJECTS).await?;
                let orphans = self.orphans(&page, now).await?;
                self.delete(orphans, &mut result).await?;
                if page.len() < PAGE_OBJECTS {
                    break;
                }
                after = page.last().map(|listed| listed.key.clone());
            }
        }
        Ok(result)
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

    async fn delete(&self, orphans: Vec<String>, result: &mut SweepResult) -> Result<(), MaintenanceError> {
        result.found += u64::try_from(orphans.len()).unwrap_or(u64::MAX);
        let room = self.deletes_max.saturating_sub(usize::try_from(result.deleted).unwrap_or(usize::MAX));
        let chosen: Vec<String> = orphans.into_iter().take(if self.is_dry_run { 0 } else { room }).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        tracing::info!(count = chosen.len(), first = chosen.first(), "deleting orphans");
        self.objects.delete(&chosen).await?;
        result.deleted += u64::try_from(chosen.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}
