//! extent-overlap: two extents of one partition cover the same offset, or one covers none.

use crate::checker::{findings::Findings, indexed_history::IndexedHistory};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, extents) in history.extents() {
        for extent in extents.iter().filter(|extent| extent.offsets.is_empty()) {
            findings.add([index], || {
                format!("{}: an extent without offsets at {}", extent.partition, extent.offsets.start)
            });
        }
        for pair in extents.windows(2) {
            let [first, second] = pair else { continue };
            if first.partition == second.partition && second.offsets.start < first.offsets.end {
                findings.add([index], || {
                    let (start, end) = (second.offsets.start, first.offsets.end);
                    format!("{}: one extent ends at {end}, the next starts at {start}", first.partition)
                });
            }
        }
    }
}
