use alluvium_model::{
    ObjectId, Offset, PartitionIndex, ProducerEpoch, Sequence, Timestamp, TopicId, TopicPartition,
    log::{BatchAck, BatchCommit, BatchRejection, RunCommit, RunOutcome, SegmentCommit, SegmentOutcome},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{created_before, decode, encode, outcome_key};

fn partition(n: i32) -> TopicPartition {
    TopicPartition::new(TopicId(Uuid::from_u128(1)), PartitionIndex(n))
}

fn batch(records: u32, timestamp: i64) -> BatchCommit {
    BatchCommit {
        records,
        bytes: 100,
        timestamps: (Timestamp(0), Timestamp(timestamp)),
        producer: None,
        transactional: None,
    }
}

fn segment(runs: &[usize]) -> SegmentCommit {
    let run = |(n, batches): (i32, &usize)| RunCommit {
        partition: partition(n),
        position: 0..*batches as u64 * 100,
        batches: (1..=*batches as u32).map(|n| batch(n, n.into())).collect(),
    };
    SegmentCommit { object: ObjectId([7; 16]), bytes: 1_000, runs: (0i32..).zip(runs).map(run).collect() }
}

fn appended(base: i64, timestamp: i64) -> Result<BatchAck, BatchRejection> {
    Ok(BatchAck { base: Offset(base), duplicate: false, timestamp: Timestamp(timestamp) })
}

#[test]
fn bytes_of_version_1_never_change() {
    let refusals = vec![
        appended(40, 1),
        Ok(BatchAck { base: Offset(3), duplicate: true, timestamp: Timestamp(77) }),
        Err(BatchRejection::OutOfOrderSequence { expected: Sequence(5), found: Sequence(9) }),
        appended(41, 4),
        Err(BatchRejection::DuplicateSequence),
        Err(BatchRejection::FencedEpoch { current: ProducerEpoch(2) }),
    ];
    let outcome = SegmentOutcome {
        runs: vec![
            RunOutcome { partition: partition(0), start: Offset(2), batches: refusals },
            RunOutcome {
                partition: partition(1),
                start: Offset(-1),
                batches: vec![Err(BatchRejection::UnknownPartition)],
            },
        ],
    };
    let golden = b"\x01\x01\x02\
        \x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x28\x01\x04\
        \x01\x01\x01\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x4d\
        \0\x02\0\0\0\x05\0\0\0\x09\
        \x01\x01\x03\
        \0\x04\0\x02\
        \0";
    assert_eq!(encode(&outcome), golden);
    assert_eq!(decode(&segment(&[6, 1]), golden), Ok(outcome));
}

#[test]
fn bytes_of_a_batch_that_came_before_a_producers_first_never_change() {
    let batches = vec![Err(BatchRejection::FirstBatchMissing { found: Sequence(258) }), appended(40, 2)];
    let outcome = SegmentOutcome { runs: vec![RunOutcome { partition: partition(0), start: Offset(2), batches }] };
    let golden = b"\x01\x01\x01\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x28\x01\x01\0\x05\0\0\x01\x02";
    assert_eq!(encode(&outcome), golden);
    assert_eq!(decode(&segment(&[2]), golden), Ok(outcome));
}

#[test]
fn outcomes_sort_by_the_creation_of_their_segments() {
    let at = |ms| outcome_key(ObjectId::new(Timestamp(ms), u32::MAX, u64::MAX), 0);
    let (begin, end) = created_before(Timestamp(1_000));
    assert!(begin <= at(0) && at(999) < end && end < at(1_000));
}

proptest! {
    #[test]
    fn every_outcome_survives_its_row(kinds in prop::collection::vec(prop::collection::vec(0u8..5, 1..20), 0..5)) {
        let sizes: Vec<_> = kinds.iter().map(Vec::len).collect();
        let segment = segment(&sizes);
        let outcome = |(kinds, run): (&Vec<u8>, &RunCommit)| {
            let mut next = Offset(10);
            let batch = |(kind, batch): (&u8, &BatchCommit)| match kind {
                0 => Err(BatchRejection::DuplicateSequence),
                1 => Err(BatchRejection::FencedEpoch { current: ProducerEpoch(3) }),
                2 => Ok(BatchAck { base: Offset(4), duplicate: true, timestamp: Timestamp(-1) }),
                _ => {
                    let base = next;
                    next = next.plus(batch.records.into());
                    Ok(BatchAck { base, duplicate: false, timestamp: batch.timestamps.1 })
                }
            };
            let batches = kinds.iter().zip(&run.batches).map(batch).collect();
            RunOutcome { partition: run.partition, start: Offset(1), batches }
        };
        let outcome = SegmentOutcome { runs: kinds.iter().zip(&segment.runs).map(outcome).collect() };
        prop_assert_eq!(decode(&segment, &encode(&outcome)), Ok(outcome));
    }

    #[test]
    fn any_bytes_are_an_outcome_or_an_error(mut row: Vec<u8>) {
        let _ = decode(&segment(&[3, 3]), &row);
        row.splice(0..0, [1, 1, 2, 1]);
        let _ = decode(&segment(&[3, 3]), &row);
    }
}
