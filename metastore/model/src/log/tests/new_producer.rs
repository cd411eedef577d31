//! The batches of a producer that is new to a partition, however they arrive.

use proptest::prelude::*;

use super::fixtures::{NOW, batch, segment, state};
use crate::{
    Offset, ProducerEpoch, ProducerId, Sequence,
    log::{BatchCommit, CommitLimits, ProducerBatch, commit},
};

/// Batches of a producer whose id was just allocated, with these numbers of records.
fn batches(sizes: &[u32]) -> Vec<BatchCommit> {
    let mut first = Sequence(0);
    let batch = |records: &u32| {
        let records_signed = i32::try_from(*records).unwrap();
        let producer = ProducerBatch {
            id: ProducerId::first_at(NOW),
            epoch: ProducerEpoch(0),
            first,
            last: first.plus(records_signed - 1),
        };
        first = first.plus(records_signed);
        BatchCommit { producer: Some(producer), ..batch(*records) }
    };
    sizes.iter().map(batch).collect()
}

proptest! {
    /// Each arrival is a batch, by its index, and whether it begins a commit of its own.
    #[test]
    fn they_are_appended_once_each_and_in_order(
        sizes in prop::collection::vec(1u32..4, 1..6),
        arrivals in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..30),
    ) {
        let batches = batches(&sizes);
        let arrivals = arrivals.into_iter().map(|(index, alone)| (index.index(batches.len()), alone));
        // The producer does not give up: at the end every batch was sent once more, in order.
        let arrivals: Vec<_> = arrivals.chain((0..batches.len()).map(|index| (index, true))).collect();
        let mut state = state(1);
        let mut log = Vec::new();
        for (number, sent) in (1u64..).zip(arrivals.chunk_by(|_, (_, alone)| !alone)) {
            let run = sent.iter().map(|(index, _)| batches[*index].clone()).collect();
            let decided = commit(&state, &[segment(number, vec![(0, run)])], NOW, &CommitLimits::default());
            for ((index, _), outcome) in sent.iter().zip(&decided.outcomes[0].runs[0].batches) {
                if let Ok(ack) = outcome && !ack.duplicate {
                    log.push((ack.base, *index));
                }
            }
            state.heads.extend(decided.heads);
            state.windows.extend(decided.windows);
        }
        let mut base = Offset(0);
        let expected: Vec<_> = sizes.iter().enumerate().map(|(index, records)| {
            let at = base;
            base = base.plus((*records).into());
            (at, index)
        }).collect();
        prop_assert_eq!(log, expected);
    }
}
