//! Objects as transactions.

use alluvium_model::{ObjectId, Timestamp};

use super::{
    key::{object_key, retired_by, retired_key},
    object_row,
    retired_row::{Retired, decode_retired},
};
use crate::{
    keyspace::Error,
    kv::{Db, Tx, key_after},
    leases::{self, CheckError, Lease},
};

/// Objects that one transaction looks up or forgets: about 100 B each.
const BATCH_MAX: usize = 1_000;

/// The objects that the metastore knows, and the retire queue. Clones share the store.
#[derive(Clone)]
pub struct KnownObjects {
    pub(super) db: Db,
}

impl KnownObjects {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Retired objects that may be deleted by `now`, longest due first: at most `limit`, and at most 1,000.
    pub async fn retired_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Retired>, Error> {
        self.retired_due_after(now, None, limit).await
    }

    /// As [`Self::retired_due`], but only those after the object with this due time and id.
    pub async fn retired_due_after(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, ObjectId)>,
        limit: usize,
    ) -> Result<Vec<Retired>, Error> {
        let mut due = retired_by(now).limit(limit.min(BATCH_MAX));
        if let Some((at, id)) = after {
            due.begin = key_after(&retired_key(at, id)).min(due.end.clone());
        }
        let due = &due;
        self.db
            .read("objects.retired_due", |tx| async move {
                let rows = tx.range(due.clone()).await?;
                Ok(rows.iter().map(|(key, row)| decode_retired(key, row)).collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Removes the rows of objects that were deleted from the bucket, as long as `lease` is held. Objects that are not
    /// retired keep their rows.
    pub async fn forget(&self, lease: &Lease, ids: &[ObjectId]) -> Result<(), CheckError> {
        for ids in ids.chunks(BATCH_MAX) {
            self.db
                .run("objects.forget", |tx| async move {
                    leases::check(&tx, lease).await?;
                    Ok::<_, CheckError>(forget(&tx, ids).await?)
                })
                .await?;
        }
        Ok(())
    }

    /// Whether the metastore knows each of the objects: it is referenced, or retired and not yet forgotten.
    pub async fn known(&self, ids: &[ObjectId]) -> Result<Vec<bool>, Error> {
        let mut known = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH_MAX) {
            let keys = &object_keys(ids);
            let rows =
                self.db.read("objects.known", |tx| async move { Ok::<_, Error>(tx.get_all(keys).await?) }).await?;
            known.extend(rows.iter().map(Option::is_some));
        }
        Ok(known)
    }
}

fn object_keys(ids: &[ObjectId]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| object_key(*id)).collect()
}

async fn forget(tx: &Tx, ids: &[ObjectId]) -> Result<(), Error> {
    let rows = tx.get_all(&object_keys(ids)).await?;
    for (id, row) in ids.iter().zip(rows) {
        let Some(row) = row else { continue };
        if let Some(due) = object_row::decode(*id, &row)?.due {
            tx.clear(&retired_key(due, *id));
            tx.clear(&object_key(*id));
        }
    }
    Ok(())
}
