//! Partitions' logs as transactions.

use std::time::Duration;

use alluvium_model::{
    Extent, Offset, Timestamp, TopicPartition,
    log::{CommitLimits, Head, SegmentCommit, SegmentOutcome},
};

use super::{LogError, SwapError, TrimError};
use crate::{keyspace::Error, kv::Db};

/// Partitions' logs.
#[derive(Clone)]
pub struct Log {
    db: Db,
}

/// An object that a swap makes known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// Where it is in the bucket, relative to the store's prefix.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

impl Log {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Commits uploaded segments, given in seal order, in one transaction. Repeating it with a segment that was committed
    /// answers the first outcome.
    pub async fn commit(
        &self,
        segments: &[SegmentCommit],
        now: Timestamp,
        limits: &CommitLimits,
    ) -> Result<Vec<SegmentOutcome>, LogError> {
        unimplemented!()
    }

    /// The head of a partition; none where there is no such partition.
    pub async fn head(&self, partition: TopicPartition) -> Result<Option<Head>, Error> {
        unimplemented!()
    }

    /// The heads of many partitions, in their order.
    pub async fn heads(&self, partitions: &[TopicPartition]) -> Result<Vec<Option<Head>>, Error> {
        unimplemented!()
    }

    /// At most `limit` extents in order, from the one that contains `from`, or else the next later one.
    pub async fn find(&self, partition: TopicPartition, from: Offset, limit: usize) -> Result<Vec<Extent>, Error> {
        unimplemented!()
    }

    /// The first extent at or after the one that contains `from` which holds a record with a timestamp of `at_least` or
    /// more. (That record may lie below the log start where the extent reaches below it: go on from the extent's end.)
    pub async fn find_by_timestamp(
        &self,
        partition: TopicPartition,
        at_least: Timestamp,
        from: Offset,
    ) -> Result<Option<Extent>, Error> {
        unimplemented!()
    }

    /// The first of the extents that hold the partition's largest timestamp.
    pub async fn find_latest_timestamp(&self, partition: TopicPartition) -> Result<Option<Extent>, Error> {
        unimplemented!()
    }

    /// Moves the log start up to `start` and unlinks the extents that lie below it, in bounded steps; the head afterwards.
    /// Where it is there already, nothing happens.
    pub async fn trim(
        &self,
        partition: TopicPartition,
        start: Offset,
        now: Timestamp,
        grace: Duration,
    ) -> Result<Head, TrimError> {
        unimplemented!()
    }

    /// Replaces `inputs`, if all of them are current, by `outputs`, which hold the same offsets. Repeating a swap that was
    /// done, and whose outputs are current, is done too.
    pub async fn swap(
        &self,
        partition: TopicPartition,
        inputs: &[Extent],
        outputs: &[(Extent, NewObject)],
        now: Timestamp,
        grace: Duration,
    ) -> Result<(), SwapError> {
        unimplemented!()
    }
}
