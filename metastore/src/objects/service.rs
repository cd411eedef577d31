//! Objects as transactions.

use alluvium_model::{ObjectId, Timestamp};

use super::object_row;
use crate::{
    keyspace::{Error, Key, Tag},
    kv::{Db, Range, Tx},
    leases::{self, CheckError, Lease},
};

/// Objects that one transaction looks up or forgets: about 100 B each.
const BATCH_MAX: usize = 1_000;

/// Objects: references and the retire queue.
#[derive(Clone)]
pub struct Objects {
    db: Db,
}

/// A retired object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// Which.
    pub id: ObjectId,
    /// Where it is in the bucket, relative to the store's prefix.
    pub key: String,
    /// When it may be deleted.
    pub due: Timestamp,
}

impl Objects {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// At most `limit` retired objects (and 1,000) that may be deleted by `now`, longest due first.
    pub async fn retired_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Retired>, Error> {
        let due = Range::new(Key::new(Tag::RETIRED).bytes(), object_row::retired_end(now)).limit(limit.min(BATCH_MAX));
        let due = &due;
        self.db
            .read("objects.retired_due", |tx| async move {
                let rows = tx.range(due.clone()).await?;
                Ok(rows.iter().map(|(key, row)| object_row::decode_retired(key, row)).collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Forgets objects that were deleted from the bucket, as long as `lease` is held; those that are not retired stay.
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

    /// Which of the objects the metastore knows (referenced, or retired and not yet forgotten).
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
    ids.iter().map(|id| object_row::key(*id)).collect()
}

async fn forget(tx: &Tx, ids: &[ObjectId]) -> Result<(), Error> {
    let rows = tx.get_all(&object_keys(ids)).await?;
    for (id, row) in ids.iter().zip(rows) {
        let Some(row) = row else { continue };
        if let Some(due) = object_row::decode(*id, &row)?.due {
            tx.clear(&object_row::retired_key(due, *id));
            tx.clear(&object_row::key(*id));
        }
    }
    Ok(())
}
