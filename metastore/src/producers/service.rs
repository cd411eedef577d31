//! Idempotent producers as transactions.
//!
//! ```text
//! key   | PRODUCER_NEXT |      value | version: 1 (1) | the next producer id: 8 |
//! ```

use std::{ops::Range, time::Duration};

use alluvium_model::{ProducerId, Timestamp, TopicPartition, producer::Window};

use super::{
    sweep::{self, Sweep},
    window_row,
};
use crate::{
    keyspace::{Error, Key, RowReader, RowWriter, Tag},
    kv::{Db, Tx},
    leases::{self, CheckError, Lease},
};

const VERSION: u8 = 1;

/// Idempotent producers.
#[derive(Clone)]
pub struct Producers {
    db: Db,
}

impl Producers {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// `count` producer ids that nobody got before.
    pub async fn allocate(&self, count: u32) -> Result<Range<ProducerId>, Error> {
        // Where the result was unknown the retry takes further ids: some are lost, none is given twice.
        self.db.run("producers.allocate", |tx| async move { allocate(&tx, count).await }).await
    }

    /// What `producer` last wrote to `partition`, as far as it is remembered.
    pub async fn window(&self, partition: TopicPartition, producer: ProducerId) -> Result<Option<Window>, Error> {
        self.db
            .read("producers.window", |tx| async move {
                let row = tx.get(&window_row::key(partition, producer)).await?;
                Ok(row.map(|row| window_row::decode(&row)).transpose()?)
            })
            .await
    }

    /// One step of the sweep: looks at the next `limit` windows and clears those idle for longer than `expiry`. (The commit
    /// takes no notice of them either way: this only frees their space.) Only as long as `lease` is held.
    pub async fn expire(
        &self,
        lease: &Lease,
        now: Timestamp,
        expiry: Duration,
        limit: usize,
    ) -> Result<Sweep, CheckError> {
        self.db
            .run("producers.expire", |tx| async move {
                leases::check(&tx, lease).await?;
                Ok(sweep::step(&tx, now, expiry, limit).await?)
            })
            .await
    }
}

async fn allocate(tx: &Tx, count: u32) -> Result<Range<ProducerId>, Error> {
    let key = Key::new(Tag::PRODUCER_NEXT).bytes();
    let first = match tx.get(&key).await? {
        None => 0,
        Some(row) => {
            let mut row = RowReader::new("next producer", &row, VERSION)?;
            let next = row.i64()?;
            row.finish()?;
            next
        }
    };
    let end = first.saturating_add(count.into());
    tx.set(&key, &RowWriter::new(VERSION).i64(end).finish());
    Ok(ProducerId(first)..ProducerId(end))
}
