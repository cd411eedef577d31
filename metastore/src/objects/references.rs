//! Reference counts, kept by the transactions that link and unlink extents.

use std::{collections::BTreeMap, time::Duration};

use alluvium_model::{Extent, ObjectId, Timestamp};

use super::{
    key::{object_key, retired_key},
    object_row::{self, Object},
    retired_row::encode_retired,
};
use crate::{
    keyspace::{Error, RowError, RowProblem},
    kv::Tx,
};

/// When a transaction retires objects, and for how long they stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retire {
    /// The time of the transaction, ms.
    pub now: Timestamp,
    /// How long fetches may still read a retired object: it is deleted afterwards.
    pub grace: Duration,
}

impl Retire {
    fn due(self) -> Timestamp {
        Timestamp(self.now.plus(self.grace).0.max(0))
    }
}

/// Makes an object known; one without references is retired at once.
pub(crate) fn add_object(tx: &Tx, id: ObjectId, key: String, bytes: u64, references: u32, retire: Retire) {
    put(tx, id, Object { key, bytes, references, due: None }, retire);
}

/// Takes back one reference for each of `extents`; an object that has none left is retired.
pub(crate) async fn release_references(
    tx: &Tx,
    extents: impl IntoIterator<Item = &Extent>,
    retire: Retire,
) -> Result<(), Error> {
    let mut counts: BTreeMap<ObjectId, u32> = BTreeMap::new();
    for extent in extents {
        *counts.entry(extent.object).or_default() += 1;
    }
    let keys: Vec<_> = counts.keys().map(|id| object_key(*id)).collect();
    let rows = tx.get_all(&keys).await?;
    for ((id, count), row) in counts.into_iter().zip(rows) {
        let row = row.ok_or(RowError { row: "object", problem: RowProblem::Missing })?;
        let object = object_row::decode(id, &row)?;
        let malformed = RowError { row: "object", problem: RowProblem::Malformed("fewer references than extents") };
        let references = object.references.checked_sub(count).ok_or(malformed)?;
        put(tx, id, Object { references, ..object }, retire);
    }
    Ok(())
}

fn put(tx: &Tx, id: ObjectId, object: Object, retire: Retire) {
    let due = (object.references == 0).then(|| retire.due());
    if let Some(due) = due {
        tx.set(&retired_key(due, id), &encode_retired(id, &object.key));
    }
    tx.set(&object_key(id), &object_row::encode(id, &Object { due, ..object }));
}
