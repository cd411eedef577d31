//! extent-gap: an offset between the log start and the end is in no extent.

use std::collections::BTreeMap;

use alluvium_model::{Offset, TopicPartition};

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::LiveExtent,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, extents) in history.extents() {
        for pair in extents.windows(2) {
            let [first, second] = pair else { continue };
            if first.partition == second.partition && second.offsets.start > first.offsets.end {
                findings.add([index], || {
                    let (end, start) = (first.offsets.end, second.offsets.start);
                    format!("{}: one extent ends at {end}, the next starts at {start}", first.partition)
                });
            }
        }
        at_the_ends(history, index, &extents, findings);
    }
}

/// Extents reach from the log start to the end, as the last readback of the partition has them.
fn at_the_ends(history: &IndexedHistory<'_>, index: usize, extents: &[&LiveExtent], findings: &mut Findings) {
    let mut covered: BTreeMap<TopicPartition, (Offset, Offset)> = BTreeMap::new();
    for extent in extents {
        let (start, end) = covered.entry(extent.partition).or_insert((extent.offsets.start, extent.offsets.end));
        *start = (*start).min(extent.offsets.start);
        *end = (*end).max(extent.offsets.end);
    }
    for (partition, log) in &history.logs {
        let Some(back) = log.readbacks.iter().rfind(|back| back.event < index) else { continue };
        let (start, end) = (back.read.log_start, back.read.high_watermark);
        let (from, to) = covered.get(partition).copied().unwrap_or((end, end));
        // What retention deletes after the readback is no gap.
        let floor = log.floor.at_end().max(start);
        if !log.floor.deleted() && start < end && (from > floor || to < end) {
            findings.add([back.event, index], || {
                format!("{partition} goes from {start} to {end}, its extents from {from} to {to}")
            });
        }
    }
}
