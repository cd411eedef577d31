//! Lookups of extents together with what a reader of committed records must know about them.

use std::ops::Range;

use alluvium_model::{Extent, Offset, ProducerId, TopicPartition, log::transaction_end::AbortedTransaction};
use bytes::Bytes;

use super::{Log, find::FIND_MAX, key::head_key, service::decode};
use crate::{
    extents,
    keyspace::Error,
    kv::Tx,
    transaction_rows::{aborted_from, decode_aborted, decode_offset, decode_open, open_in},
};

/// Rows of aborted transactions that one transaction reads, about 60 B each.
const STEP_ROWS_MAX: usize = 1_000;
/// Aborted transactions that one lookup returns: a single transaction that was open for hours, while others were
/// aborted all the time.
const ABORTED_MAX: usize = 100_000;

/// Extents, and what is known about the transactions in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundExtents {
    /// The extents, in order.
    pub extents: Vec<Extent>,
    /// The stable offset: of transactions that end later it is not known yet whether they are aborted.
    pub stable: Offset,
    /// The aborted transactions that have records or markers in the extents, in the order of their markers.
    pub aborted: Vec<AbortedTransaction>,
}

impl Log {
    /// As [`Self::find`], with the aborted transactions that concern the extents.
    pub async fn find_with_aborted(
        &self,
        partition: TopicPartition,
        from: Offset,
        limit: usize,
    ) -> Result<FoundExtents, Error> {
        let rows = &extents::from(partition, from).limit(limit.min(FIND_MAX));
        let head = &head_key(partition);
        let aborted = &aborted_from(partition, from).limit(STEP_ROWS_MAX);
        let (rows, head, aborted) = self
            .db
            .read("log.find_with_aborted", |tx| async move {
                let (rows, aborted) = (tx.range(rows.clone()), tx.range(aborted.clone()));
                Ok::<_, Error>(futures::future::try_join3(rows, tx.get(head), aborted).await?)
            })
            .await?;
        let extents = extents::decode_rows(&rows)?;
        let stable = decode(head, None)?.map_or(Offset(0), |head| head.stable);
        let offsets = from..extents.last().map_or(from, |last| last.offsets.end);
        let mut found = Vec::new();
        if let Some(from) = add_aborted(&mut found, &aborted, offsets.end)? {
            found.extend(self.aborted(partition, from..offsets.end).await?);
        }
        Ok(FoundExtents { extents, stable, aborted: found })
    }

    /// The producers with open transactions in a partition, each with the offset of its first record there: at most
    /// 1,000.
    pub async fn open_transactions(&self, partition: TopicPartition) -> Result<Vec<(ProducerId, Offset)>, Error> {
        let range = &open_in(partition).limit(STEP_ROWS_MAX);
        let rows = self.db.read("log.open", |tx: Tx| async move { Ok::<_, Error>(tx.range(range.clone()).await?) });
        rows.await?.iter().map(|(key, row)| Ok((decode_open(row)?, decode_offset(key)?))).collect()
    }

    /// The aborted transactions that have records or markers among `offsets`, in the order of their markers. They may
    /// be read after the extents: such rows are only added, until retention takes the records.
    pub async fn aborted(
        &self,
        partition: TopicPartition,
        offsets: Range<Offset>,
    ) -> Result<Vec<AbortedTransaction>, Error> {
        let mut found = Vec::new();
        let mut from = offsets.start;
        while found.len() < ABORTED_MAX {
            let rows = &aborted_from(partition, from).limit(STEP_ROWS_MAX);
            let rows =
                self.db.read("log.aborted", |tx: Tx| async move { Ok::<_, Error>(tx.range(rows.clone()).await?) });
            match add_aborted(&mut found, &rows.await?, offsets.end)? {
                Some(next) => from = next,
                None => return Ok(found),
            }
        }
        Err(crate::keyspace::RowError {
            row: "aborted transaction",
            problem: crate::keyspace::RowProblem::Malformed("too many"),
        }
        .into())
    }
}

/// Adds to `found` those of a page of aborted transactions that begin before `end`. Returns where the next page begins,
/// if more of them may do so.
fn add_aborted(
    found: &mut Vec<AbortedTransaction>,
    rows: &[(Bytes, Bytes)],
    end: Offset,
) -> Result<Option<Offset>, Error> {
    let mut next = None;
    for (key, row) in rows {
        let (aborted, stable) = decode_aborted(decode_offset(key)?, row)?;
        if aborted.first < end {
            found.push(aborted);
        }
        if stable >= end {
            // Whatever ended later began at `stable` or later.
            return Ok(None);
        }
        next = Some(aborted.last.plus(1));
    }
    Ok(next.filter(|_| rows.len() == STEP_ROWS_MAX))
}
