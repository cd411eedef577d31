//! In which order segments are read: each once for all rewrites of a job, where their orders allow it.

use std::collections::BTreeMap;

use alluvium_model::ObjectId;

use crate::plan::Work;

/// One segment to read, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) object: ObjectId,
    /// Which rewrite needs it, and for which of its inputs.
    pub(crate) inputs: Vec<(usize, usize)>,
}

/// The reads of `works`, each of which gets its inputs in order. Ids of objects sort by age, and so do the inputs of each
/// rewrite, all but exactly: where they do not, an object is read more than once.
pub(crate) fn schedule(works: &[Work]) -> Vec<Read> {
    let mut waiting: BTreeMap<ObjectId, Vec<(usize, usize)>> = BTreeMap::new();
    let object = |work: usize, input: usize| works.get(work)?.inputs.get(input).map(|extent| extent.object);
    for work in 0..works.len() {
        waiting.entry(object(work, 0).unwrap_or_default()).or_default().extend(object(work, 0).map(|_| (work, 0)));
    }
    let mut reads = Vec::new();
    while let Some((read, inputs)) = waiting.pop_first() {
        for (work, input) in &inputs {
            if let Some(next) = object(*work, input + 1) {
                waiting.entry(next).or_default().push((*work, input + 1));
            }
        }
        if !inputs.is_empty() {
            reads.push(Read { object: read, inputs });
        }
    }
    reads
}

#[cfg(test)]
mod tests {
    use alluvium_model::{Extent, ExtentSource, Offset, Timestamp, TopicPartition};

    use super::*;

    fn work(objects: &[i64]) -> Work {
        let extent = |(n, created): (i64, &i64)| Extent {
            offsets: Offset(n)..Offset(n + 1),
            object: ObjectId::new(Timestamp(*created), 0, 0),
            source: ExtentSource::Segment { position: 0..1, refused: Vec::new() },
            bytes: 1,
            records: 1,
            timestamps: (Timestamp(0), Timestamp(0)),
        };
        Work {
            topic: String::new(),
            partition: TopicPartition::default(),
            log_start: Offset(0),
            inputs: (0..).zip(objects).map(extent).collect(),
        }
    }

    fn reads(works: &[Work]) -> Vec<(i64, Vec<(usize, usize)>)> {
        schedule(works).into_iter().map(|read| (read.object.created().0, read.inputs)).collect()
    }

    #[test]
    fn an_object_is_read_once_for_all_who_need_it() {
        let works = [work(&[1, 2, 4]), work(&[2, 3, 4])];
        assert_eq!(
            reads(&works),
            vec![(1, vec![(0, 0)]), (2, vec![(1, 0), (0, 1)]), (3, vec![(1, 1)]), (4, vec![(0, 2), (1, 2)])]
        );
    }

    #[test]
    fn inputs_come_in_order_though_their_objects_do_not() {
        let reads = reads(&[work(&[2, 1, 3]), work(&[1, 2])]);
        let inputs_of = |work| -> Vec<usize> {
            let inputs = reads.iter().flat_map(|(_, inputs)| inputs);
            inputs.filter(|input| input.0 == work).map(|input| input.1).collect()
        };
        assert_eq!(inputs_of(0), vec![0, 1, 2]);
        assert_eq!(inputs_of(1), vec![0, 1]);
    }
}
