//! Orphans: objects in the bucket that the metastore does not know and never will.
//!
//! An agent that dies between upload and commit leaves one, a compactor between put and swap. Both refuse to go on with
//! an object that is older than some minutes, so one that is far older and still unknown belongs to nobody.

use std::time::Duration;

use alluvium_metastore::objects::Objects as KnownObjects;
use alluvium_model::{ObjectId, Timestamp, object_key};
use alluvium_objects::{Listed, Objects};

use crate::config::CompactorConfig;
use crate::error::UpkeepError;

/// Objects listed, and asked about, at once.
const PAGE_OBJECTS: usize = 1_000;
/// The least age of an orphan whatever is configured: far above what commits and swaps allow their objects
/// (`limits::COMMIT_AGE_MAX`), so that none of them can be on its way.
pub(crate) const ORPHAN_AGE_MIN: Duration = Duration::from_secs(3600);

/// Finds orphans and deletes them.
pub(crate) struct Sweep {
    known: KnownObjects,
    objects: Objects,
    age: Duration,
    deletes_max: usize,
    is_dry: bool,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) found: u64,
    pub(crate) deleted: u64,
}

impl Sweep {
    pub(crate) fn new(known: KnownObjects, objects: Objects, config: &CompactorConfig) -> Self {
        Self {
            known,
            objects,
            age: config.orphan_age.max(ORPHAN_AGE_MIN),
            deletes_max: config.sweep_deletes_max,
            is_dry: config.sweep_dry_run,
        }
    }

    /// Looks at every object there is.
    pub(crate) async fn run(&self, now: Timestamp) -> Result<Swept, UpkeepError> {
        let mut swept = Swept::default();
        for prefix in [object_key::SEGMENTS, object_key::HISTORY] {
            let mut after: Option<String> = None;
            loop {
                let page = self.objects.list(prefix, after.as_deref(), PAGE_OBJECTS).await?;
                let orphans = self.orphans(&page, now).await?;
                self.delete(orphans, &mut swept).await?;
                if page.len() < PAGE_OBJECTS {
                    break;
                }
                after = page.last().map(|listed| listed.key.clone());
            }
        }
        Ok(swept)
    }

    /// Those of `page` that are old enough and unknown. What is not named as ours is not ours to delete.
    async fn orphans(&self, page: &[Listed], now: Timestamp) -> Result<Vec<String>, UpkeepError> {
        let is_old = |written: Timestamp| written.plus(self.age) <= now;
        let old = page.iter().filter_map(|listed| {
            let id = object_key::parse(&listed.key)?;
            (is_old(id.created()) && is_old(Timestamp(listed.modified_ms))).then_some((id, listed))
        });
        let old: Vec<(ObjectId, &Listed)> = old.collect();
        if old.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ObjectId> = old.iter().map(|(id, _)| *id).collect();
        let known = self.known.known(&ids).await?;
        Ok(old.iter().zip(known).filter(|(_, known)| !known).map(|((_, listed), _)| listed.key.clone()).collect())
    }

    async fn delete(&self, orphans: Vec<String>, swept: &mut Swept) -> Result<(), UpkeepError> {
        swept.found += u64::try_from(orphans.len()).unwrap_or(u64::MAX);
        let room = self.deletes_max.saturating_sub(usize::try_from(swept.deleted).unwrap_or(usize::MAX));
        let doomed: Vec<String> = orphans.into_iter().take(if self.is_dry { 0 } else { room }).collect();
        if doomed.is_empty() {
            return Ok(());
        }
        tracing::info!(count = doomed.len(), first = doomed.first(), "deleting orphans");
        self.objects.delete(&doomed).await?;
        swept.deleted += u64::try_from(doomed.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}
