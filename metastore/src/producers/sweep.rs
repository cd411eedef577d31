//! The sweep of idle producers: a bounded step at a time over all windows, going on where the last one ended.
//!
//! An index by time would cost every commit a row per producer; this costs the sweep a read per window and day.
//!
//! ```text
//! key   | PRODUCER_SWEEP |     value | version: 1 (1) | key of the last window that was looked at |
//! ```

use std::time::Duration;

use alluvium_model::Timestamp;

use super::window_row;
use crate::{
    keyspace::{Error, Key, RowReader, RowWriter, Tag},
    kv::{Range, Tx, key_after, prefix_end},
};

const VERSION: u8 = 1;
/// Windows in one step: about 150 B each in its transaction.
const STEP_MAX: usize = 2_000;

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

pub(super) async fn step(tx: &Tx, now: Timestamp, expiry: Duration, limit: usize) -> Result<Sweep, Error> {
    let limit = limit.clamp(1, STEP_MAX);
    let cursor_key = Key::new(Tag::PRODUCER_SWEEP).bytes();
    let windows = Key::new(Tag::WINDOW).bytes();
    let begin = match tx.get(&cursor_key).await? {
        None => windows.clone(),
        Some(row) => {
            let mut row = RowReader::new("producer sweep", &row, VERSION)?;
            key_after(row.raw(row.left())?).max(windows.clone())
        }
    };
    // By snapshot: busy producers move their windows all the time, and only idle ones matter.
    let end = prefix_end(&windows);
    let seen = tx.range(Range::new(begin.min(end.clone()), end).limit(limit).snapshot()).await?;
    let mut idle = Vec::new();
    for (key, row) in &seen {
        if window_row::decode(row)?.is_expired(now, expiry) {
            idle.push(key.to_vec());
        }
    }
    // Read again, now with a conflict: a producer that comes back meanwhile keeps its window.
    for (key, row) in idle.iter().zip(tx.get_all(&idle).await?) {
        if row.is_some() {
            tx.clear(key);
        }
    }
    let done = seen.len() < limit;
    match seen.last() {
        Some((last, _)) if !done => tx.set(&cursor_key, &RowWriter::new(VERSION).raw(last).finish()),
        _ => tx.clear(&cursor_key),
    }
    Ok(Sweep { seen: seen.len(), expired: idle.len(), done })
}
