//! The end of a transaction in one partition: its marker, and what becomes stable by it.
//!
//! The marker takes one offset, as in Kafka, but no bytes: it is an extent without an object, and agents make the control
//! batch from it when it is fetched.

use super::Head;
use crate::transaction::{TransactionalProducer, Verdict};
use crate::{Extent, ExtentSource, ObjectId, Offset, ProducerId, Timestamp};

/// Bytes of a marker as a control batch: what it counts for in the size of the log and of an answer.
pub const MARKER_BYTES: u64 = 78;

/// A transaction that was aborted in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Who wrote it.
    pub producer: ProducerId,
    /// Offset of its first record.
    pub first: Offset,
    /// Offset of its marker.
    pub last: Offset,
}

impl AbortedTransaction {
    /// Whether it has written the transactional batch of `producer` whose first record is at `base`.
    #[must_use]
    pub fn has_written(&self, producer: ProducerId, base: Offset) -> bool {
        self.producer == producer && (self.first..self.last).contains(&base)
    }
}

/// The end of a transaction that has written to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionEnd {
    /// Who wrote it; its epoch is the one that the marker carries.
    pub producer: TransactionalProducer,
    /// How it ends.
    pub verdict: Verdict,
    /// Offset of its first record in the partition.
    pub first: Offset,
    /// The smallest first offset of the other open transactions in the partition, if there are any.
    pub open: Option<Offset>,
}

/// What [`end_in_partition`] decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedPartition {
    /// The head from now on.
    pub head: Head,
    /// The marker.
    pub marker: Extent,
    /// What readers of committed records must leave out, if it was aborted.
    pub aborted: Option<AbortedTransaction>,
}

/// Ends a transaction in a partition with `head`, at `now`.
#[must_use]
pub fn end_in_partition(head: Head, end: PartitionEnd, now: Timestamp) -> EndedPartition {
    let offset = head.next;
    let next = offset.plus(1);
    let marker = Extent {
        offsets: offset..next,
        object: ObjectId::default(),
        source: ExtentSource::Marker { producer: end.producer, verdict: end.verdict },
        bytes: MARKER_BYTES,
        records: 0,
        timestamps: (now, now),
    };
    let stable = end.open.unwrap_or(next);
    let head = Head { next, stable, appended: head.appended.saturating_add(MARKER_BYTES), ..head };
    let aborted = AbortedTransaction { producer: end.producer.id, first: end.first, last: offset };
    EndedPartition { head, marker, aborted: (end.verdict == Verdict::Abort).then_some(aborted) }
}
