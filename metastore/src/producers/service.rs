//! Idempotent producers as transactions.

use std::{ops::Range, time::Duration};

use alluvium_model::{ProducerId, Timestamp};

use crate::{keyspace::Error, kv::Db};

/// Idempotent producers.
#[derive(Clone)]
pub struct Producers {
    db: Db,
}

/// One step of the sweep of idle producers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Windows that were looked at.
    pub seen: usize,
    /// Windows that were cleared.
    pub expired: usize,
    /// Whether the end was reached: the next step begins anew.
    pub done: bool,
}

impl Producers {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// `count` producer ids that nobody got before.
    pub async fn allocate(&self, count: u32) -> Result<Range<ProducerId>, Error> {
        unimplemented!()
    }

    /// One step of the sweep: looks at the next `limit` windows and clears those idle for longer than `expiry`.
    pub async fn expire(&self, now: Timestamp, expiry: Duration, limit: usize) -> Result<Sweep, Error> {
        unimplemented!()
    }
}
