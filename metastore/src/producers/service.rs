//! Idempotent producers as transactions.

use std::{ops::Range, time::Duration};

use alluvium_model::{ProducerId, Timestamp, TopicPartition, producer::Window};

use super::{
    key::{decode_producer, partition_windows, window_key},
    next_id_row::{decode_next_id, encode_next_id, next_id_key},
    sweep::{self, ProducerSweepStep},
    window_row::decode_window,
};
use crate::{
    keyspace::Error,
    kv::{Db, Tx},
    leases::{self, CheckError, Lease},
};

/// Windows that one transaction lists, of about 150 B each.
const LIST_MAX: usize = 1_000;

/// Idempotent producers. Clones share the store.
#[derive(Clone)]
pub struct Producers {
    db: Db,
}

impl Producers {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Allocates `count` producer ids, at `now` by the clock of the agent. No id is ever given twice.
    pub async fn allocate(&self, count: u32, now: Timestamp) -> Result<Range<ProducerId>, Error> {
        // If the result of an attempt is unknown, the next one takes further ids: some are lost, none is given twice.
        self.db.run("producers.allocate", |tx| async move { allocate(&tx, count, now).await }).await
    }

    /// The window of `producer` in `partition`: its last batches; `None` if it has written none, or its window expired.
    pub async fn window(&self, partition: TopicPartition, producer: ProducerId) -> Result<Option<Window>, Error> {
        self.db
            .read("producers.window", |tx| async move {
                let row = tx.get(&window_key(partition, producer)).await?;
                Ok(row.map(|row| decode_window(&row)).transpose()?)
            })
            .await
    }

    /// The windows of all producers in `partition`, by producer id: at most `limit`, and at most 1,000.
    pub async fn list(&self, partition: TopicPartition, limit: usize) -> Result<Vec<(ProducerId, Window)>, Error> {
        let range = &partition_windows(partition).limit(limit.min(LIST_MAX));
        let rows = self.db.read("producers.list", |tx| async move { Ok::<_, Error>(tx.range(range.clone()).await?) });
        let rows = rows.await?;
        rows.iter().map(|(key, row)| Ok((decode_producer(key)?, decode_window(row)?))).collect()
    }

    /// One step of the sweep of idle producers, as long as `lease` is held: reads the next `limit` windows and clears
    /// those idle for longer than `expiry`. (The commit ignores expired windows by itself: the sweep only frees their
    /// space.)
    pub async fn expire(
        &self,
        lease: &Lease,
        now: Timestamp,
        expiry: Duration,
        limit: usize,
    ) -> Result<ProducerSweepStep, CheckError> {
        self.db
            .run("producers.expire", |tx| async move {
                leases::check(&tx, lease).await?;
                Ok(sweep::step(&tx, now, expiry, limit).await?)
            })
            .await
    }
}

async fn allocate(tx: &Tx, count: u32, now: Timestamp) -> Result<Range<ProducerId>, Error> {
    let key = next_id_key();
    let first = match tx.get(&key).await? {
        None => ProducerId::first_at(now),
        Some(row) => decode_next_id(&row)?.max(ProducerId::first_at(now)),
    };
    let end = ProducerId(first.0.saturating_add(count.into()));
    tx.set(&key, &encode_next_id(end));
    Ok(first..end)
}
