//! Counts the stored rows by kind: what must stay bounded while a cluster runs for days.
//!
//! It reads every row, a page at a time, so it costs what the store holds; nothing calls it but whoever asks for it.
//! Pages are read one after another, not on one snapshot: on a busy store the counts are off by what changed meanwhile.

use std::collections::BTreeMap;

use alluvium_model::ExtentSource;
use bytes::Bytes;

use crate::{
    extents,
    keyspace::{Error, Tag},
    kv::{Db, Range, key_after},
};

/// Rows of one page, 100 kB each at most and usually 100 B: far from the limits of one transaction.
const PAGE_ROWS: usize = 1_000;
/// Rows that one count reads; a larger store is counted up to here. About a minute of reads.
const ROWS_MAX: u64 = 5_000_000;

/// How much there is of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Number of rows or extents.
    pub count: u64,
    /// Bytes of their keys and values; for extents, the bytes of records that they point to.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// The rows of a store, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowCount {
    /// By the first byte of their keys, which is their kind: `docs/formats.md` lists them.
    pub rows: BTreeMap<u8, Amount>,
    /// The extents that point into segments, and what they point to: what compaction has yet to rewrite.
    pub level_0: Amount,
    /// The extents that point to history files, or to parts of those of several partitions.
    pub history: Amount,
    /// Whether all rows were counted.
    pub is_complete: bool,
}

impl RowCount {
    /// Counts the rows behind `db`, the first five million of them.
    ///
    /// # Errors
    /// If the store does not answer, or an extent row cannot be read.
    pub async fn read(db: &Db) -> Result<Self, Error> {
        let whole = Range::prefix(Vec::new());
        let (mut counted, mut read, mut begin) = (Self::default(), 0, whole.begin);
        while read < ROWS_MAX {
            let page = &Range::new(begin.clone(), whole.end.clone()).limit(PAGE_ROWS);
            let rows = db.read("rows.count", |tx| async move { Ok::<_, Error>(tx.range(page.clone()).await?) }).await?;
            for (key, value) in &rows {
                counted.add(key, value)?;
            }
            read += rows.len() as u64;
            match rows.last() {
                Some((last, _)) if rows.len() == PAGE_ROWS => begin = key_after(last),
                _ => return Ok(Self { is_complete: true, ..counted }),
            }
        }
        Ok(counted)
    }

    fn add(&mut self, key: &Bytes, value: &Bytes) -> Result<(), Error> {
        let Some(&tag) = key.first() else { return Ok(()) };
        self.rows.entry(tag).or_default().add((key.len() + value.len()) as u64);
        if tag == Tag::EXTENT.0 {
            let extents = extents::decode_rows(&[(key.clone(), value.clone())])?;
            for extent in extents {
                match extent.source {
                    ExtentSource::Segment { .. } => self.level_0.add(extent.bytes),
                    ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } => self.history.add(extent.bytes),
                    ExtentSource::Marker { .. } => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::{PartitionIndex, Timestamp, TopicPartition, log::CommitLimits};

    use super::*;
    use crate::fixtures;

    #[tokio::test]
    async fn rows_are_counted_by_kind_over_several_pages() {
        let metastore = fixtures::memory().await;
        let partitions = 700;
        let topic = fixtures::topic(&metastore, "orders", partitions, Timestamp(0)).await;
        for number in 0..3 {
            let all: Vec<_> = (0..partitions).map(|n| TopicPartition::new(topic.id, PartitionIndex(n))).collect();
            let segment = fixtures::segment(&all, number, Timestamp(0));
            metastore.log.commit(&[segment], || Timestamp(0), &CommitLimits::default()).await.expect("committed");
        }
        let counted = RowCount::read(&metastore.db).await.expect("counted");
        let count = |tag: Tag| counted.rows.get(&tag.0).map_or(0, |amount| amount.count);
        assert_eq!((count(Tag::HEAD), count(Tag::EXTENT), count(Tag::OBJECT)), (700, 2_100, 3));
        assert_eq!(counted.level_0, Amount { count: 2_100, bytes: 210_000 });
        assert_eq!(counted.history, Amount::default());
        assert!(counted.is_complete);
    }
}
