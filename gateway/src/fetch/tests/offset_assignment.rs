//! Offsets assigned to stored batches, and the selection of batches for an answer.

use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, Timestamp};
use alluvium_wire::batch::{Batch, BatchError};
use bytes::Bytes;
use proptest::prelude::*;

use crate::fetch::LoadError;
use crate::fetch::byte_budget::PartitionBudget;
use crate::fetch::offset_assignment::{AssignOffsets, OffsetBatch};
use crate::fetch::selection::Selection;
use crate::tests::world::batch;

fn extent(start: i64, end: i64, rejected: Vec<u32>) -> Extent {
    Extent {
        offsets: Offset(start)..Offset(end),
        object: ObjectId::default(),
        source: ExtentSource::Segment { position: 0..1, rejected },
        bytes: 1,
        records: 1,
        timestamps: (Timestamp(0), Timestamp(0)),
    }
}

fn batch_of(records: usize) -> Batch {
    batch(&vec!["v"; records])
}

fn assign(extent: &Extent, batches: Vec<Batch>) -> Result<Vec<OffsetBatch>, LoadError> {
    let ExtentSource::Segment { rejected, .. } = &extent.source else { panic!("a segment") };
    AssignOffsets::new(extent, rejected, batches.into_iter().map(Ok)).collect()
}

#[test]
fn refused_batches_take_no_offset() {
    let batches = assign(&extent(10, 15, vec![1]), vec![batch_of(2), batch_of(7), batch_of(3)]).expect("it adds up");
    let offsets: Vec<(i64, i64)> = batches.iter().map(|batch| (batch.base.0, batch.end.0)).collect();
    assert_eq!(offsets, [(10, 12), (12, 15)]);
}

#[test]
fn batches_that_do_not_add_up_to_the_extent_are_corruption() {
    for batches in [vec![], vec![batch_of(2)], vec![batch_of(6)], vec![batch_of(3), batch_of(3)]] {
        assert!(matches!(assign(&extent(0, 5, vec![]), batches), Err(LoadError::Corrupt(_))));
    }
    let broken = [Ok(batch_of(2)), Err(BatchError::Empty)];
    let extent = extent(0, 5, vec![]);
    let assigned: Vec<_> = AssignOffsets::new(&extent, &[], broken.into_iter()).collect();
    assert!(matches!(assigned[1], Err(LoadError::Corrupt(_))));
}

fn rebased(records: &[Bytes]) -> Vec<(i64, i32)> {
    let mut bytes = Bytes::from(records.concat());
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let batch = Batch::parse(&mut bytes).expect("whole batches");
        batch.verify_crc().expect("the checksum does not cover offsets");
        found.push((batch.header().base_offset, batch.header().record_count));
    }
    found
}

proptest! {
    #[test]
    fn an_answer_is_whole_batches_in_order_within_its_budget(
        counts in prop::collection::vec(1_usize..5, 1..12),
        start in 0_i64..1_000,
        bytes_max in 0_usize..1_500,
        at_least_one in any::<bool>(),
        hidden in 0_i64..6,
    ) {
        let end = start + i64::try_from(counts.iter().sum::<usize>()).expect("small");
        let batches = assign(&extent(start, end, vec![]), counts.iter().map(|count| batch_of(*count)).collect());
        let batches = batches.expect("it adds up");
        let until = Offset(end - hidden);
        let mut selection = Selection::new(until, PartitionBudget { bytes_max, at_least_one });
        for batch in &batches {
            if !selection.offer(batch) {
                break;
            }
        }
        let records = selection.into_batches().expect("batches").records;
        let bytes: usize = records.iter().map(Bytes::len).sum();
        let answered = rebased(&records);
        let expected: Vec<(i64, i32)> =
            batches.iter().map(|batch| (batch.base.0, batch.batch.header().record_count)).collect();
        prop_assert_eq!(&expected[..answered.len()], &answered[..]);
        prop_assert!(bytes <= bytes_max || (at_least_one && answered.len() == 1));
        prop_assert!(answered.iter().all(|(base, _)| Offset(*base) < until));
        if at_least_one && batches[0].base < until {
            prop_assert!(!answered.is_empty());
        }
        // Nothing that fits is held back.
        if let Some(next) = batches.get(answered.len()) {
            let fits = bytes + next.batch.len() <= bytes_max && next.base < until;
            prop_assert!(!fits);
        }
    }
}
