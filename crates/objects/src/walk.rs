//! A walk over all objects below a prefix, in one listing: its cost grows with their number, whatever order the store
//! lists in. (Pages of [`Objects::list`] cost a whole listing each, if the store does not list in order.)

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use tokio::sync::Mutex;

use crate::usage::count;
use crate::{Error, ListedObject, Objects, Operation};

/// A listing under way. It holds one page in memory.
pub struct Walk {
    objects: Objects,
    /// What is listed, for messages.
    prefix: String,
    /// `None` is the root of the store.
    below: Option<Path>,
    listing: Mutex<Listing>,
}

#[derive(Default)]
struct Listing {
    /// `None` before the first page and after a failure.
    entries: Option<BoxStream<'static, Result<ObjectMeta, object_store::Error>>>,
    /// The last object of the listing so far.
    last: Option<Path>,
    /// The page so far.
    page: Vec<ListedObject>,
}

impl Objects {
    /// All objects whose keys are below `prefix` (whole path parts: `segments/`), in the store's own order.
    pub fn walk(&self, prefix: &str) -> Result<Walk, Error> {
        let below = self.directory(prefix)?;
        Ok(Walk { objects: self.clone(), prefix: prefix.to_owned(), below, listing: Mutex::default() })
    }
}

impl Walk {
    /// The next `limit` objects; fewer only at the end. If the store fails and does not list in order, the walk begins
    /// anew: objects may come twice.
    pub async fn next_page(&mut self, limit: usize) -> Result<Vec<ListedObject>, Error> {
        let objects = &self.objects;
        objects
            .with_retries(Operation::List, &self.prefix, &objects.slots.others, 0, || async {
                count(&objects.usage.lists, 1);
                let filled = self.fill(limit).await;
                filled.map_err(|error| Error::from_store(Operation::List, &self.prefix, &error))
            })
            .await
    }

    async fn fill(&self, limit: usize) -> Result<Vec<ListedObject>, object_store::Error> {
        let mut listing = self.listing.lock().await;
        let Listing { entries, last, page } = &mut *listing;
        // A try that failed, or was dropped when its time was over, has left no listing.
        let mut found = entries.take().unwrap_or_else(|| self.open(last.as_ref()));
        while page.len() < limit {
            let Some(meta) = found.try_next().await? else { break };
            page.extend(self.objects.listed(&meta));
            *last = Some(meta.location);
        }
        *entries = Some(found);
        Ok(std::mem::take(page))
    }

    fn open(&self, last: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta, object_store::Error>> {
        let (store, below) = (&self.objects.store, self.below.as_ref());
        match last.filter(|_| self.objects.config.lists_in_order) {
            Some(last) => store.list_with_offset(below, last),
            None => store.list(below),
        }
        .boxed()
    }
}
