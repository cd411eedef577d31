//! committed-offset-went-back: a group's offset is one that another, committed later, has replaced.

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
