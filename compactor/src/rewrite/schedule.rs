//! The order in which a job reads its segments: each once for all compactions, if their orders allow it.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use alluvium_model::ObjectId;

use crate::plan::Compaction;

/// One segment to read, and for which inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentRead {
    pub(crate) object: ObjectId,
    /// Index of each compaction that needs it, and of the input within that compaction.
    pub(crate) inputs: Vec<(usize, usize)>,
}

/// The reads of `compactions`, so that each compaction gets its inputs in order. Object ids sort by age, and so do the
/// inputs of a compaction, with rare exceptions: then an object is read more than once.
pub(crate) fn schedule<C: Borrow<Compaction>>(compactions: &[C]) -> Vec<SegmentRead> {
    let mut waiting: BTreeMap<ObjectId, Vec<(usize, usize)>> = BTreeMap::new();
    // The next input from `from` on that lies in an object.
    let next = |compaction: usize, from: usize| {
        let inputs = compactions.get(compaction)?.borrow().inputs.iter().enumerate().skip(from);
        inputs.map(|(input, extent)| (extent, input)).find(|(extent, _)| !extent.is_marker())
    };
    for index in 0..compactions.len() {
        if let Some((extent, input)) = next(index, 0) {
            waiting.entry(extent.object).or_default().push((index, input));
        }
    }
    let mut reads = Vec::new();
    while let Some((read, inputs)) = waiting.pop_first() {
        for (index, input) in &inputs {
            if let Some((extent, input)) = next(*index, input + 1) {
                waiting.entry(extent.object).or_default().push((*index, input));
            }
        }
        reads.push(SegmentRead { object: read, inputs });
    }
    reads
}

#[cfg(test)]
mod tests {
    use alluvium_model::{Extent, ExtentSource, Offset, Timestamp, TopicPartition};

    use super::*;

    fn compaction(objects: &[i64]) -> Compaction {
        let extent = |(n, created): (i64, &i64)| Extent {
            offsets: Offset(n)..Offset(n + 1),
            object: ObjectId::new(Timestamp(*created), 0, 0),
            source: ExtentSource::Segment { position: 0..1, rejected: Vec::new() },
            bytes: 1,
            records: 1,
            timestamps: (Timestamp(0), Timestamp(0)),
        };
        Compaction {
            topic: String::new(),
            partition: TopicPartition::default(),
            log_start: Offset(0),
            inputs: (0..).zip(objects).map(extent).collect(),
        }
    }

    fn reads(compactions: &[Compaction]) -> Vec<(i64, Vec<(usize, usize)>)> {
        schedule(compactions).into_iter().map(|read| (read.object.created().0, read.inputs)).collect()
    }

    #[test]
    fn an_object_is_read_once_for_all_compactions_that_need_it() {
        let compactions = [compaction(&[1, 2, 4]), compaction(&[2, 3, 4])];
        assert_eq!(
            reads(&compactions),
            vec![(1, vec![(0, 0)]), (2, vec![(1, 0), (0, 1)]), (3, vec![(1, 1)]), (4, vec![(0, 2), (1, 2)])]
        );
    }

    #[test]
    fn inputs_come_in_order_even_if_their_objects_do_not() {
        let reads = reads(&[compaction(&[2, 1, 3]), compaction(&[1, 2])]);
        let inputs_of = |index| -> Vec<usize> {
            let inputs = reads.iter().flat_map(|(_, inputs)| inputs);
            inputs.filter(|input| input.0 == index).map(|input| input.1).collect()
        };
        assert_eq!(inputs_of(0), vec![0, 1, 2]);
        assert_eq!(inputs_of(1), vec![0, 1]);
    }
}
