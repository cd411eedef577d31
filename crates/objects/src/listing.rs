//! Listings, one page at a time and always in key order.

use std::collections::BinaryHeap;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use crate::usage::count;
use crate::{Error, Objects, Operation};

/// One object of a listing. Ordered by key first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedObject {
    /// The object's key, relative to the store's prefix.
    pub key: String,
    /// The object's size in bytes.
    pub bytes: u64,
    /// Time of the last write by the store's clock, ms since the Unix epoch.
    pub modified_ms: i64,
}

impl Objects {
    /// The first `limit` objects, in key order, whose keys are below `prefix` (whole path parts: `segments/`) and after
    /// `after`. A page shorter than `limit` is the last.
    pub async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ListedObject>, Error> {
        let below = self.directory(prefix)?;
        let after = after.map(|after| self.path(Operation::List, after)).transpose()?;
        self.with_retries(Operation::List, prefix, &self.slots.others, 0, || async {
            count(&self.usage.lists, 1);
            let page = self.page(below.as_ref(), after.as_ref(), limit).await;
            page.map_err(|error| Error::from_store(Operation::List, prefix, &error))
        })
        .await
    }

    /// `None` is the root of the store.
    pub(crate) fn directory(&self, prefix: &str) -> Result<Option<Path>, Error> {
        let prefix = prefix.trim_matches('/');
        if prefix.is_empty() { Ok(self.root()) } else { self.path(Operation::List, prefix).map(Some) }
    }

    /// The `limit` smallest keys, in memory for no more than those, whatever order the store lists in.
    async fn page(
        &self,
        below: Option<&Path>,
        after: Option<&Path>,
        limit: usize,
    ) -> Result<Vec<ListedObject>, object_store::Error> {
        let mut found = match after {
            Some(after) => self.store.list_with_offset(below, after),
            None => self.store.list(below),
        };
        let mut smallest: BinaryHeap<ListedObject> = BinaryHeap::new();
        while let Some(meta) = found.try_next().await? {
            let Some(listed) = self.listed(&meta) else { continue };
            smallest.push(listed);
            if smallest.len() > limit {
                smallest.pop();
                if self.config.lists_in_order {
                    break;
                }
            }
        }
        Ok(smallest.into_sorted_vec())
    }

    pub(crate) fn listed(&self, meta: &ObjectMeta) -> Option<ListedObject> {
        let key = self.key(&meta.location)?.to_owned();
        Some(ListedObject { key, bytes: meta.size, modified_ms: meta.last_modified.timestamp_millis() })
    }
}
