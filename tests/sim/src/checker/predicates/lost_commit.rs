//! lost-commit: a committed offset of a group is missing, or is one that no client committed.

use crate::checker::{
    findings::Findings,
    indexed_history::{IndexedHistory, Staleness},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for stale in history.stale_offsets() {
        let (group, partition, was) = (&stale.group, stale.partition, stale.last);
        match stale.what {
            Staleness::Missing => findings.add(stale.events.clone(), || {
                format!("group {group}, {partition}: no offset, though {was:?} was committed")
            }),
            Staleness::Invented(offset) => findings.add(stale.events.clone(), || {
                format!("group {group}, {partition}: offset {offset}, which nobody had committed")
            }),
            Staleness::Old(_) => {}
        }
    }
}
