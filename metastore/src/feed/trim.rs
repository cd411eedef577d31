//! Trimming the feed, and with it the outcomes of commits.

use alluvium_model::Timestamp;

use super::{
    entry::FeedPosition,
    entry_row,
    key::{all_entries, decode_entry_key, entries_prefix},
    trimmed_row::{decode_trimmed, encode_trimmed, trimmed_key},
};
use crate::{
    keyspace::Error,
    kv::{Range, Tx, key_after},
    outcomes,
};

/// Removes at most `limit` entries written before `cutoff`, and the outcomes of all segments created before it. Returns
/// the number of entries removed.
pub(super) async fn step(tx: &Tx, cutoff: Timestamp, limit: usize) -> Result<usize, Error> {
    // Entries are read by snapshot, so that new ones do not conflict; two trims at once conflict on the trimmed
    // position, which both read and write.
    trimmed(tx).await?;
    let oldest = tx.range(all_entries().limit(limit).snapshot()).await?;
    let mut removed = 0;
    let mut last = None;
    for (key, row) in &oldest {
        if entry_row::decode_time(row)? >= cutoff {
            break;
        }
        removed += 1;
        last = Some(key);
    }
    if let Some(last) = last {
        let position = decode_entry_key(last)?;
        tx.clear_range(&entries_prefix(), &key_after(last));
        tx.set(&trimmed_key(), &encode_trimmed(&position));
    }
    let (begin, end) = outcomes::created_before(cutoff);
    if !tx.range(Range::new(begin.clone(), end.clone()).limit(1).snapshot()).await?.is_empty() {
        tx.clear_range(&begin, &end);
    }
    Ok(removed)
}

/// The position of the last entry that was trimmed: a reader before it has missed entries.
pub(super) async fn trimmed(tx: &Tx) -> Result<FeedPosition, Error> {
    let Some(row) = tx.get(&trimmed_key()).await? else { return Ok(FeedPosition::START) };
    Ok(decode_trimmed(&row)?)
}
