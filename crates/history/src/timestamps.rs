//! Searches of a history file by timestamp, with its page index.

use alluvium_model::{Offset, Timestamp};

use crate::index::TimestampPage;
use crate::{HistoryFile, RangedRead, ReadError};

impl HistoryFile {
    /// The first record at or after offset `from` whose timestamp is `timestamp` or later: its offset and timestamp.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn find_timestamp(
        &self,
        source: &dyn RangedRead,
        from: Offset,
        timestamp: Timestamp,
    ) -> Result<Option<(Offset, Timestamp)>, ReadError> {
        let Some((first, row)) = self.locate(source, from).await? else { return Ok(None) };
        for group in self.index().groups_with(first, timestamp) {
            let row = if group == first { row } else { 0 };
            for page in self.timestamp_pages(group, row)?.into_iter().filter(|page| page.latest >= timestamp) {
                let rows = self.offset_timestamps(source, page.rows).await?;
                let found = rows.into_iter().find(|(_, found)| *found >= timestamp);
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    /// The record at or after offset `from` with the largest timestamp, the first of several: its offset and timestamp.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn latest_timestamp(
        &self,
        source: &dyn RangedRead,
        from: Offset,
    ) -> Result<Option<(Offset, Timestamp)>, ReadError> {
        let Some((first, row)) = self.locate(source, from).await? else { return Ok(None) };
        let mut best: Option<(Offset, Timestamp)> = None;
        let mut later: Option<TimestampPage> = None;
        for group in self.index().groups_with(first, Timestamp(i64::MIN)) {
            for page in self.timestamp_pages(group, if group == first { row } else { 0 })? {
                if !page.is_whole {
                    best = latest(self.offset_timestamps(source, page.rows).await?);
                } else if later.as_ref().is_none_or(|later| page.latest > later.latest) {
                    later = Some(page);
                }
            }
        }
        match later {
            Some(page) if best.is_none_or(|(_, best)| page.latest > best) => {
                Ok(latest(self.offset_timestamps(source, page.rows).await?))
            }
            Some(_) | None => Ok(best),
        }
    }

    fn timestamp_pages(&self, group: usize, row: usize) -> Result<Vec<TimestampPage>, ReadError> {
        let pages = self.index().timestamp_pages(group, row);
        pages.ok_or_else(|| ReadError::corrupt("page index of timestamps"))
    }
}

/// The first of the rows with the largest timestamp.
fn latest(rows: Vec<(Offset, Timestamp)>) -> Option<(Offset, Timestamp)> {
    rows.into_iter().reduce(|best, row| if row.1 > best.1 { row } else { best })
}
