//! committed-offset-went-back: an answer has an offset of a group that a later commit had replaced.

use crate::checker::{
    findings::Findings,
    indexed_history::{IndexedHistory, Staleness},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for stale in history.stale_offsets() {
        let (group, partition, was) = (&stale.group, stale.partition, stale.last);
        if let Staleness::Old(offset) = stale.what {
            findings.add(stale.events.clone(), || {
                format!("group {group}, {partition}: offset {offset}, though {was:?} was committed after it")
            });
        }
    }
}
