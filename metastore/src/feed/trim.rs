//! Trimming the feed, and with it the outcomes of commits.
//!
//! ```text
//! key   | FEED_TRIMMED |     value | version: 1 (1) | position: 12 of the last entry that was trimmed |
//! ```

use alluvium_model::Timestamp;

use super::{FeedPosition, entry_row};
use crate::{
    keyspace::{Error, Key, RowReader, RowWriter, Tag},
    kv::{Range, Tx, key_after},
    log::outcome_row,
};

const VERSION: u8 = 1;

/// Forgets at most `limit` entries written before `cutoff`, and the outcomes of all segments created before it.
pub(super) async fn step(tx: &Tx, cutoff: Timestamp, limit: usize) -> Result<usize, Error> {
    // By snapshot, for new entries are no conflict; two trims at once are one by the position that both read and write.
    trimmed(tx).await?;
    let oldest = tx.range(Range::prefix(Key::new(Tag::FEED).bytes()).limit(limit).snapshot()).await?;
    let mut went = 0;
    let mut last = None;
    for (key, row) in &oldest {
        if entry_row::decode_time(row)? >= cutoff {
            break;
        }
        went += 1;
        last = Some(key);
    }
    if let Some(last) = last {
        let position = entry_row::decode_key(last)?;
        tx.clear_range(&Key::new(Tag::FEED).bytes(), &key_after(last));
        tx.set(&trimmed_key(), &RowWriter::new(VERSION).raw(&position.0).finish());
    }
    let (begin, end) = outcome_row::created_before(cutoff);
    if !tx.range(Range::new(begin.clone(), end.clone()).limit(1).snapshot()).await?.is_empty() {
        tx.clear_range(&begin, &end);
    }
    Ok(went)
}

/// The last position that was trimmed: whoever stands before it has missed entries.
pub(super) async fn trimmed(tx: &Tx) -> Result<FeedPosition, Error> {
    let Some(row) = tx.get(&trimmed_key()).await? else { return Ok(FeedPosition::START) };
    let mut row = RowReader::new("feed trimmed", &row, VERSION)?;
    let position = FeedPosition(row.array()?);
    row.finish()?;
    Ok(position)
}

fn trimmed_key() -> Vec<u8> {
    Key::new(Tag::FEED_TRIMMED).bytes()
}
