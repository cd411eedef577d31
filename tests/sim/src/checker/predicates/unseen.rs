//! unseen (Jepsen): no reader saw an acknowledged record, because even the last reads end before its offset.

use std::collections::HashSet;

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::ValueId,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        if log.readbacks.is_empty() || log.floor.deleted() {
            continue;
        }
        let seen: HashSet<ValueId> = log.first_sightings().map(|seen| seen.value).collect();
        let end = log.readbacks.iter().map(|back| back.read.high_watermark).max().unwrap_or_default();
        let floor = log.floor.at_end().max(end);
        let start = log.acked.partition_point(|acked| acked.offset < floor);
        for acked in
            log.acked[start..].iter().filter(|acked| !seen.contains(&acked.value) && history.counts(acked.value))
        {
            findings.add(history.sends[acked.send].events(), || {
                format!("{} was acknowledged at {} of {partition}, which ends at {end}", acked.value, acked.offset)
            });
        }
    }
}
