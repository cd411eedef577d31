//! The sweep that clears the windows of idle producers, a bounded number of rows at a time.
//!
//! An index of windows by time would cost every commit a row per producer; the sweep costs one read per window and day.

use std::time::Duration;

use alluvium_model::Timestamp;

use super::{
    key::all_windows,
    sweep_row::{decode_sweep, encode_sweep, sweep_key},
    window_row::decode_window,
};
use crate::{
    keyspace::Error,
    kv::{Range, Tx, key_after},
};

/// Windows in one step: about 150 B each in its transaction.
const STEP_MAX: usize = 2_000;

/// The result of one step of the sweep of idle producers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerSweepStep {
    /// Number of windows that were read.
    pub seen: usize,
    /// Number of windows that were cleared.
    pub expired: usize,
    /// Whether the last window was reached: the next step begins with the first one again.
    pub done: bool,
}

/// One step: reads the next `limit` windows, and clears those that are idle for longer than `expiry`.
pub(super) async fn step(tx: &Tx, now: Timestamp, expiry: Duration, limit: usize) -> Result<ProducerSweepStep, Error> {
    let limit = limit.clamp(1, STEP_MAX);
    let cursor_key = sweep_key();
    let windows = all_windows();
    let begin = match tx.get(&cursor_key).await? {
        None => windows.begin.clone(),
        Some(row) => key_after(decode_sweep(&row)?).max(windows.begin.clone()),
    };
    // Read by snapshot: busy producers write their windows all the time, and only idle ones matter.
    let end = windows.end;
    let seen = tx.range(Range::new(begin.min(end.clone()), end).limit(limit).snapshot()).await?;
    let mut idle = Vec::new();
    for (key, row) in &seen {
        if decode_window(row)?.is_expired(now, expiry) {
            idle.push(key.to_vec());
        }
    }
    // Read again, now with a conflict: a producer that writes again meanwhile keeps its window.
    for (key, row) in idle.iter().zip(tx.get_all(&idle).await?) {
        if row.is_some() {
            tx.clear(key);
        }
    }
    let done = seen.len() < limit;
    match seen.last() {
        Some((last, _)) if !done => tx.set(&cursor_key, &encode_sweep(last)),
        _ => tx.clear(&cursor_key),
    }
    Ok(ProducerSweepStep { seen: seen.len(), expired: idle.len(), done })
}
