//! The value of a feed entry.
//!
//! ```text
//! value | version: 1 (1) | time: 8 | kind: 1 | by kind |
//!
//! kind 1, commit | extents: varint | topic: 16, partition: 4, extent ... |
//! kind 2, swap   | topic: 16 | partition: 4 | inputs: 8, 8 | outputs: varint | extent ... |
//! kind 3, trim   | topic: 16 | partition: 4 | start: 8 |
//! kind 4, topics | topics: varint | topic: 16 ... |
//! kind 5, commit | as kind 1 | partitions with open transactions: varint | topic: 16, partition: 4, stable offset: 8 ... |
//! kind 6, end of a transaction | partitions: varint | topic: 16, partition: 4, extent, stable offset: 8,
//!                                offset of the first record, if it was aborted: optional (8) ... |
//! extent         | end offset: 8 | length: varint | extent row |
//! ```

use alluvium_model::{
    Extent, ExtentSource, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition,
    log::transaction_end::AbortedTransaction,
};
use uuid::Uuid;

use super::entry::{FeedEntry, PartitionTransactionEnd};
use crate::{
    extents,
    keyspace::{RowError, RowProblem, RowReader, RowWriter},
};

const VERSION: u8 = 1;
const COMMIT: u8 = 1;
const SWAP: u8 = 2;
const TRIM: u8 = 3;
const TOPICS: u8 = 4;
const COMMIT_UNSTABLE: u8 = 5;
const TRANSACTION_END: u8 = 6;

const TOPIC_BYTES: usize = 16;
const PARTITION_BYTES: usize = 20;
/// Bytes that an extent takes besides its row, at most: its end offset and the length of the row.
const EXTENT_BYTES: usize = 8 + 9;
/// Bytes that an extent of a commit takes besides its row, at most.
/// (With the stable offset of its partition.)
pub(super) const COMMIT_EXTENT_BYTES: usize = PARTITION_BYTES + EXTENT_BYTES + STABLE_BYTES;
/// Bytes of the stable offset of a partition.
const STABLE_BYTES: usize = PARTITION_BYTES + 8;
/// Bytes of the end of a transaction in a partition, at least.
const PARTITION_END_BYTES_MIN: usize = PARTITION_BYTES + EXTENT_BYTES_MIN + 8 + 1;
/// Bytes of the shortest extent, were its row empty.
const EXTENT_BYTES_MIN: usize = 8 + 1;

/// Bytes of the extent row of `extent`.
pub(super) fn extent_bytes(extent: &Extent) -> usize {
    extents::encode(extent).len()
}

/// The value of `entry`, written at `time`.
pub(super) fn encode(time: Timestamp, entry: &FeedEntry) -> Vec<u8> {
    let row = RowWriter::new(VERSION).i64(time.0);
    match entry {
        FeedEntry::Commit { extents, stable } => {
            let row = row.u8(if stable.is_empty() { COMMIT } else { COMMIT_UNSTABLE }).count(extents.len());
            let row = extents.iter().fold(row, |row, (of, extent)| put_extent(put_partition(row, *of), extent));
            if stable.is_empty() {
                return row.finish();
            }
            let row = row.count(stable.len());
            stable.iter().fold(row, |row, (of, stable)| put_partition(row, *of).i64(stable.0)).finish()
        }
        FeedEntry::TransactionEnd { partitions } => {
            let row = row.u8(TRANSACTION_END).count(partitions.len());
            partitions.iter().fold(row, put_end).finish()
        }
        FeedEntry::Swap { partition, inputs, outputs } => {
            let row = put_partition(row.u8(SWAP), *partition).i64(inputs.start.0).i64(inputs.end.0);
            outputs.iter().fold(row.count(outputs.len()), put_extent).finish()
        }
        FeedEntry::Trim { partition, start } => put_partition(row.u8(TRIM), *partition).i64(start.0).finish(),
        FeedEntry::Topics { ids } => {
            let row = row.u8(TOPICS).count(ids.len());
            ids.iter().fold(row, |row, id| row.raw(id.0.as_bytes())).finish()
        }
    }
}

/// The time at which an entry was written, and the entry.
pub(super) fn decode(row: &[u8]) -> Result<(Timestamp, FeedEntry), RowError> {
    let mut row = RowReader::new("feed", row, VERSION)?;
    let time = Timestamp(row.i64()?);
    let entry = match row.u8()? {
        kind @ (COMMIT | COMMIT_UNSTABLE) => {
            let count = row.count(PARTITION_BYTES + EXTENT_BYTES_MIN)?;
            let one = |_| Ok((partition(&mut row)?, extent(&mut row)?));
            let extents = (0..count).map(one).collect::<Result<_, RowError>>()?;
            let count = if kind == COMMIT { 0 } else { row.count(STABLE_BYTES)? };
            let one = |_| Ok((partition(&mut row)?, Offset(row.i64()?)));
            FeedEntry::Commit { extents, stable: (0..count).map(one).collect::<Result<_, RowError>>()? }
        }
        TRANSACTION_END => {
            let count = row.count(PARTITION_END_BYTES_MIN)?;
            let partitions = (0..count).map(|_| end(&mut row)).collect::<Result<_, _>>()?;
            FeedEntry::TransactionEnd { partitions }
        }
        SWAP => {
            let partition = partition(&mut row)?;
            let inputs = Offset(row.i64()?)..Offset(row.i64()?);
            let count = row.count(EXTENT_BYTES_MIN)?;
            let outputs = (0..count).map(|_| extent(&mut row)).collect::<Result<_, _>>()?;
            FeedEntry::Swap { partition, inputs, outputs }
        }
        TRIM => FeedEntry::Trim { partition: partition(&mut row)?, start: Offset(row.i64()?) },
        TOPICS => {
            let count = row.count(TOPIC_BYTES)?;
            FeedEntry::Topics { ids: (0..count).map(|_| topic(&mut row)).collect::<Result<_, _>>()? }
        }
        kind => return Err(row.error(RowProblem::UnknownKind(kind))),
    };
    row.finish()?;
    Ok((time, entry))
}

/// The time at which an entry was written, ms: all that a trim needs to know.
pub(super) fn decode_time(row: &[u8]) -> Result<Timestamp, RowError> {
    RowReader::new("feed", row, VERSION)?.i64().map(Timestamp)
}

fn put_partition(row: RowWriter, partition: TopicPartition) -> RowWriter {
    row.raw(partition.topic.0.as_bytes()).i32(partition.partition.0)
}

fn put_extent(row: RowWriter, extent: &Extent) -> RowWriter {
    row.i64(extent.offsets.end.0).bytes(&extents::encode(extent))
}

fn put_end(row: RowWriter, end: &PartitionTransactionEnd) -> RowWriter {
    let row = put_extent(put_partition(row, end.partition), &end.marker).i64(end.stable.0);
    row.optional(end.aborted.as_ref(), |row, aborted| row.i64(aborted.first.0))
}

fn end(row: &mut RowReader<'_>) -> Result<PartitionTransactionEnd, RowError> {
    let (partition, marker, stable) = (partition(row)?, extent(row)?, Offset(row.i64()?));
    let first = row.optional(|row| row.i64().map(Offset))?;
    let ExtentSource::Marker { producer, .. } = marker.source else { return Err(row.malformed("marker")) };
    let aborted = first.map(|first| AbortedTransaction { producer: producer.id, first, last: marker.offsets.start });
    Ok(PartitionTransactionEnd { partition, marker, stable, aborted })
}

fn topic(row: &mut RowReader<'_>) -> Result<TopicId, RowError> {
    Ok(TopicId(Uuid::from_bytes(row.array()?)))
}

fn partition(row: &mut RowReader<'_>) -> Result<TopicPartition, RowError> {
    Ok(TopicPartition::new(topic(row)?, PartitionIndex(row.i32()?)))
}

fn extent(row: &mut RowReader<'_>) -> Result<Extent, RowError> {
    let end = Offset(row.i64()?);
    extents::decode(end, row.bytes()?)
}

#[cfg(test)]
mod tests {
    use alluvium_model::{
        ObjectId,
        transaction::{TransactionalProducer, Verdict},
    };
    use proptest::prelude::*;

    use super::*;

    const PARTITION: TopicPartition =
        TopicPartition { topic: TopicId(Uuid::from_bytes(*b"topictopictopic0")), partition: PartitionIndex(3) };

    fn extent() -> Extent {
        Extent {
            offsets: Offset(1)..Offset(3),
            object: ObjectId(*b"objectobjectobj0"),
            source: ExtentSource::HistoryV1 { level: 1 },
            bytes: 0,
            records: 2,
            timestamps: (Timestamp(0), Timestamp(0)),
        }
    }

    #[test]
    fn bytes_of_version_1_never_change() {
        const EXTENT: &[u8] = b"\0\0\0\0\0\0\0\x03\x01\x19\x01\x04objectobjectobj0\x01\x02\0\0\0\0\x01";
        const OF: &[u8] = b"topictopictopic0\0\0\0\x03";
        let head = |kind: u8| [&b"\x01\0\0\0\0\0\0\x01\0"[..], &[kind]].concat();
        let commit = |stable| FeedEntry::Commit { extents: vec![(PARTITION, extent())], stable };
        let cases = [
            (commit(Vec::new()), [&head(1), &b"\x01\x01"[..], OF, EXTENT]),
            (
                FeedEntry::Swap { partition: PARTITION, inputs: Offset(1)..Offset(3), outputs: vec![extent()] },
                [&head(2), OF, b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03\x01\x01", EXTENT],
            ),
            (FeedEntry::Trim { partition: PARTITION, start: Offset(2) }, [&head(3), OF, b"\0\0\0\0\0\0\0\x02", b""]),
            (FeedEntry::Topics { ids: vec![PARTITION.topic] }, [&head(4), b"\x01\x01", b"topictopictopic0", b""]),
        ];
        for (entry, golden) in cases {
            let golden = golden.concat();
            assert_eq!(encode(Timestamp(256), &entry), golden);
            assert_eq!(decode(&golden), Ok((Timestamp(256), entry)));
            assert_eq!(decode_time(&golden), Ok(Timestamp(256)));
        }
    }

    #[test]
    fn what_is_not_stable_and_the_end_of_a_transaction_survive_their_rows() {
        let producer = TransactionalProducer::from_raw(9, 2);
        let marker = |verdict| Extent {
            offsets: Offset(7)..Offset(8),
            object: ObjectId::default(),
            source: ExtentSource::Marker { producer, verdict },
            records: 0,
            ..extent()
        };
        let end = |verdict, aborted| PartitionTransactionEnd {
            partition: PARTITION,
            marker: marker(verdict),
            stable: Offset(8),
            aborted,
        };
        let aborted = AbortedTransaction { producer: producer.id, first: Offset(5), last: Offset(7) };
        let entries = [
            FeedEntry::Commit { extents: vec![(PARTITION, extent())], stable: vec![(PARTITION, Offset(2))] },
            FeedEntry::TransactionEnd {
                partitions: vec![end(Verdict::Commit, None), end(Verdict::Abort, Some(aborted))],
            },
        ];
        for entry in entries {
            assert_eq!(decode(&encode(Timestamp(256), &entry)), Ok((Timestamp(256), entry)));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_an_error(mut row: Vec<u8>, kind in 0u8..8) {
            let _ = decode(&row);
            row.splice(0..0, [VERSION, 0, 0, 0, 0, 0, 0, 0, 0, kind]);
            let _ = decode(&row);
        }
    }
}
