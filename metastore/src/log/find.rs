//! Lookups of extents, by offset and by timestamp.

use alluvium_model::{Extent, Offset, Timestamp, TopicPartition};

use super::Log;
use crate::{extents, keyspace::Error};

/// Extents that one lookup returns: the rows of one transaction, about 75 B each.
pub(super) const FIND_MAX: usize = 5_000;
/// Extents that one transaction of a search by time reads.
const SEARCH_STEP: usize = 1_000;

impl Log {
    /// The extents of a partition in order, from the one that contains `from`, or else from the next later one: at most
    /// `limit`, and at most 5,000.
    pub async fn find(&self, partition: TopicPartition, from: Offset, limit: usize) -> Result<Vec<Extent>, Error> {
        let rows = &extents::from(partition, from).limit(limit.min(FIND_MAX));
        let rows = self.db.read("log.find", |tx| async move { Ok::<_, Error>(tx.range(rows.clone()).await?) }).await?;
        Ok(extents::decode_rows(&rows)?)
    }

    /// The first extent, from the one that contains `from`, that holds a record with a timestamp of `at_least` or
    /// later. (That record may lie below `from` if the extent does: to search on, continue from the end of the extent.)
    pub async fn find_by_timestamp(
        &self,
        partition: TopicPartition,
        at_least: Timestamp,
        from: Offset,
    ) -> Result<Option<Extent>, Error> {
        let mut found = None;
        self.walk(partition, from, |extent| {
            let is_match = extent.records > 0 && extent.timestamps.1 >= at_least;
            found = is_match.then_some(extent);
            !is_match
        })
        .await?;
        Ok(found)
    }

    /// The first of the extents that hold the partition's largest timestamp.
    pub async fn find_latest_timestamp(&self, partition: TopicPartition) -> Result<Option<Extent>, Error> {
        let mut latest: Option<Extent> = None;
        self.walk(partition, Offset(0), |extent| {
            let later = latest.as_ref().is_none_or(|latest| extent.timestamps.1 > latest.timestamps.1);
            if extent.records > 0 && later {
                latest = Some(extent);
            }
            true
        })
        .await?;
        Ok(latest)
    }

    /// Calls `visit` with each extent from `from`, read in bounded transactions, until it returns false.
    async fn walk(
        &self,
        partition: TopicPartition,
        mut from: Offset,
        mut visit: impl FnMut(Extent) -> bool + Send,
    ) -> Result<(), Error> {
        loop {
            let extents = self.find(partition, from, SEARCH_STEP).await?;
            let is_last = extents.len() < SEARCH_STEP;
            for extent in extents {
                from = extent.offsets.end;
                if !visit(extent) {
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }
}
