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
