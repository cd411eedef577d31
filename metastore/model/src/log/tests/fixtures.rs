//! Small segments, heads and extents.

use std::ops::Range;

use uuid::Uuid;

use crate::{
    Extent, ExtentSource, ObjectId, Offset, PartitionIndex, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicId,
    TopicPartition,
    log::{BatchAck, BatchCommit, BatchRejection, CommitState, Head, ProducerBatch, RunCommit, SegmentCommit},
};

pub(super) const NOW: Timestamp = Timestamp(1_790_000_000_000);
/// Bytes of every batch.
pub(super) const BATCH: u32 = 100;

pub(super) fn partition(n: i32) -> TopicPartition {
    TopicPartition::new(TopicId(Uuid::from_u128(1)), PartitionIndex(n))
}

/// Empty partitions numbered 0 to `partitions`.
pub(super) fn state(partitions: i32) -> CommitState {
    let heads = (0..partitions).map(|n| (partition(n), Head::EMPTY)).collect();
    CommitState { heads, ..CommitState::default() }
}

pub(super) fn batch(records: u32) -> BatchCommit {
    BatchCommit { records, bytes: BATCH, timestamps: (NOW, NOW), producer: None, transactional: None }
}

/// A batch of producer 7 whose sequences begin at `first`.
pub(super) fn sequenced(epoch: i16, first: i32, records: u32) -> BatchCommit {
    let last = Sequence(first + i32::try_from(records).unwrap() - 1);
    let producer = ProducerBatch { id: ProducerId(7), epoch: ProducerEpoch(epoch), first: Sequence(first), last };
    BatchCommit { producer: Some(producer), ..batch(records) }
}

/// A segment created now, with these runs one after the other.
pub(super) fn segment(number: u64, runs: Vec<(i32, Vec<BatchCommit>)>) -> SegmentCommit {
    let mut end = 0;
    let run = |(of, batches): (i32, Vec<BatchCommit>)| {
        let start = end;
        end += batches.iter().map(|batch| u64::from(batch.bytes)).sum::<u64>();
        RunCommit { partition: partition(of), position: start..end, batches }
    };
    let runs = runs.into_iter().map(run).collect();
    SegmentCommit { object: ObjectId::new(NOW, 1, number), bytes: 10_000, runs }
}

pub(super) fn appended(base: i64) -> Result<BatchAck, BatchRejection> {
    Ok(BatchAck { base: Offset(base), duplicate: false, timestamp: NOW })
}

/// A history extent over `offsets`, with ten bytes for each, whose timestamps are its offsets.
pub(super) fn extent(offsets: Range<i64>) -> Extent {
    let length = u64::try_from(offsets.end - offsets.start).unwrap();
    Extent {
        offsets: Offset(offsets.start)..Offset(offsets.end),
        object: ObjectId::default(),
        source: ExtentSource::History { level: 1, file_bytes: length * 10 },
        bytes: length * 10,
        records: length,
        timestamps: (Timestamp(offsets.start), Timestamp(offsets.end - 1)),
    }
}

/// The head of a log of ten-byte records from `start` to `next`.
pub(super) fn head(start: i64, next: i64) -> Head {
    let appended = u64::try_from(next).unwrap() * 10;
    Head { next: Offset(next), start: Offset(start), stable: Offset(next), appended, ..Head::EMPTY }
}
