//! doubled-offset-commit: a transaction of a group went on behind records that no committed transaction of the group was
//! made of: offsets were committed besides those of committed transactions.

use alluvium_model::Offset;

use crate::checker::{
    findings::Findings,
    indexed_history::{Consumption, IndexedHistory},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for ((group, partition), consumed) in history.consumed() {
        let Some(log) = history.logs.get(&partition).filter(|log| !log.floor.deleted()) else { continue };
        let mut last: Option<Consumption> = None;
        for next in consumed {
            let reached = last.map_or(Offset(0), |last| last.to);
            let from = reached.max(log.floor.at_end());
            let left_out = if from < next.from { log.existing_in(from, next.from).first() } else { None };
            if let (true, Some((offset, _))) = (next.is_committed, left_out) {
                findings.add([next.event].into_iter().chain(last.map(|last| last.event)), || {
                    format!(
                        "group {group}, {partition}: {} consumed from {} on; nothing was made of {offset}",
                        next.txn, next.from
                    )
                });
            }
            if last.is_none_or(|last| last.to < next.to) {
                last = Some(next);
            }
        }
    }
}
