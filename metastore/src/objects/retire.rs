//! Retiring objects whose references were all taken back.
//!
//! A step works off the oldest rows of the queue of released references. It conflicts with nothing that goes on: the
//! queue and the counters are read without conflicts. Whatever takes the last reference back has a row of its own in
//! the queue, and the step that reads this row sees its count. And an object without references stays without.

use std::{collections::BTreeSet, time::Duration};

use alluvium_model::{ObjectId, Timestamp};
use bytes::Bytes;

use super::{
    KnownObjects,
    key::{object_key, released_count_key, released_queue, retired_queue},
    object_row,
    release::{Retire, retire},
    released_row::{RELEASED_IDS_MAX, decode_released},
    retired_row::decode_retired,
};
use crate::{
    keyspace::{Error, decode_counter},
    kv::Tx,
    leases::{self, CheckError, Lease},
};

/// Rows of the queue that one step works off: at most 1,000 objects, of which each takes two reads and, if it is
/// retired, about 300 B of writes.
const STEP_ROWS: usize = 1_000 / RELEASED_IDS_MAX;
/// Rows that hold few objects each, read by one step all the same.
const STEP_SMALL_ROWS: usize = 200;

/// The result of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetireStep {
    /// Number of objects that were retired.
    pub retired: usize,
    /// Whether the queue was worked off to its end.
    pub done: bool,
}

/// How far the work on objects is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectsBacklog {
    /// When the oldest references were taken back that no step has looked at yet, ms; `None` if there are none.
    pub released: Option<Timestamp>,
    /// The time from which the retired object that is longest due may be deleted, ms; `None` if there is none.
    pub retired_due: Option<Timestamp>,
}

impl KnownObjects {
    /// One step of retiring objects without references, as long as `lease` is held: they may be deleted after `grace`.
    pub async fn retire_released(
        &self,
        lease: &Lease,
        now: Timestamp,
        grace: Duration,
    ) -> Result<RetireStep, CheckError> {
        self.db
            .run("objects.retire_released", |tx| async move {
                leases::check(&tx, lease).await?;
                Ok::<_, CheckError>(step(&tx, Retire { now, grace }).await?)
            })
            .await
    }

    /// How far the work on objects is behind.
    pub async fn backlog(&self) -> Result<ObjectsBacklog, Error> {
        self.db
            .read("objects.backlog", |tx| async move {
                let (released, retired) =
                    futures::future::try_join(tx.range(released_queue().limit(1)), tx.range(retired_queue().limit(1)))
                        .await?;
                let released = released.first().map(|(_, row)| decode_released(row)).transpose()?;
                let retired = retired.first().map(|(key, row)| decode_retired(key, row)).transpose()?;
                Ok(ObjectsBacklog {
                    released: released.map(|released| released.at),
                    retired_due: retired.map(|retired| retired.due),
                })
            })
            .await
    }
}

async fn step(tx: &Tx, when: Retire) -> Result<RetireStep, Error> {
    let rows = tx.range(released_queue().limit(STEP_SMALL_ROWS).snapshot()).await?;
    let mut ids = BTreeSet::new();
    let mut taken = 0;
    for (_, row) in &rows {
        let released = decode_released(row)?;
        if taken > 0 && ids.len() + released.ids.len() > STEP_ROWS * RELEASED_IDS_MAX {
            break;
        }
        taken += 1;
        ids.extend(released.ids);
    }
    let ids: Vec<_> = ids.into_iter().collect();
    let retired = retire_unreferenced(tx, &ids, when).await?;
    for (key, _) in rows.iter().take(taken) {
        tx.clear(key);
    }
    Ok(RetireStep { retired, done: taken == rows.len() && rows.len() < STEP_SMALL_ROWS })
}

/// Retires those of `ids` that have no references left. Returns how many.
async fn retire_unreferenced(tx: &Tx, ids: &[ObjectId], when: Retire) -> Result<usize, Error> {
    let objects: Vec<_> = ids.iter().map(|id| object_key(*id)).collect();
    let counters: Vec<_> = ids.iter().map(|id| released_count_key(*id)).collect();
    // With a conflict: of two steps that retire the same object, one must see that the other did.
    let objects = tx.get_all(&objects);
    let (objects, counters) = futures::future::try_join(objects, tx.get_all_snapshot(&counters)).await?;
    let mut retired = 0;
    for ((id, object), counter) in ids.iter().zip(objects).zip(counters) {
        retired += usize::from(retire_if_unreferenced(tx, *id, object, counter, when)?);
    }
    Ok(retired)
}

fn retire_if_unreferenced(
    tx: &Tx,
    id: ObjectId,
    object: Option<Bytes>,
    counter: Option<Bytes>,
    when: Retire,
) -> Result<bool, Error> {
    let Some(object) = object else { return Ok(false) };
    let object = object_row::decode(id, &object)?;
    let released = decode_counter("object released", counter.as_deref())?;
    if object.due.is_some() || released < i64::from(object.references) {
        return Ok(false);
    }
    if released > i64::from(object.references) {
        tracing::error!(%id, object.references, released, "more references were taken back than given; object kept");
        return Ok(false);
    }
    tx.clear(&released_count_key(id));
    retire(tx, id, object, when);
    Ok(true)
}
