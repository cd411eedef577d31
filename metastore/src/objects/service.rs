//! Objects as transactions.

use alluvium_model::{ObjectId, Timestamp};

use crate::{keyspace::Error, kv::Db};

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

    /// Retired objects that may be deleted by `now`, longest due first.
    pub async fn retired_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Retired>, Error> {
        unimplemented!()
    }

    /// Forgets objects that were deleted from the bucket; those that are not retired stay.
    pub async fn forget(&self, ids: &[ObjectId]) -> Result<(), Error> {
        unimplemented!()
    }

    /// Which of the objects the metastore knows (referenced, or retired and not yet forgotten).
    pub async fn known(&self, ids: &[ObjectId]) -> Result<Vec<bool>, Error> {
        unimplemented!()
    }
}
