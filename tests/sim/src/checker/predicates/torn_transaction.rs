//! torn-transaction: the last read-committed readback has some records of a transaction and not others.

use std::collections::BTreeSet;

use alluvium_model::Offset;

use crate::{
    checker::{
        findings::Findings,
        indexed_history::{IndexedHistory, Log},
    },
    history::{Isolation, TxnId, ValueId},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    let shown = shown(history);
    for (id, txn) in &history.txns {
        let mut there = None;
        let mut missing = None;
        for position in &txn.sends {
            let send = &history.sends[*position];
            let (Some(base), Some(log)) = (send.acked_base(), history.logs.get(&send.sent.partition)) else { continue };
            let floor = log.floor.at_end();
            for (place, value) in (0u64..).zip(&send.sent.values) {
                if shown.contains(&(*id, *value)) {
                    there = Some((*value, send.event));
                } else if base.plus(place) >= floor && !log.floor.deleted() && reached(log, base.plus(place)) {
                    missing = Some((*value, send.event));
                }
            }
        }
        if let (Some((there, shows)), Some((missing, lacks))) = (there, missing) {
            let ends = txn.visible.map(|(_, event)| event);
            findings.add([shows, lacks].into_iter().chain(ends), || {
                format!("of transaction {id} {there} is there at the end, and {missing} is not")
            });
        }
    }
}

/// Records of transactions in the read-committed readbacks.
fn shown(history: &IndexedHistory<'_>) -> BTreeSet<(TxnId, ValueId)> {
    let last = history.logs.values().flat_map(|log| &log.sightings).filter(|seen| seen.last && seen.committed);
    last.filter_map(|seen| Some((history.send_of(seen.value)?.sent.txn?, seen.value))).collect()
}

fn reached(log: &Log<'_>, offset: Offset) -> bool {
    log.readbacks
        .iter()
        .any(|back| back.read.isolation == Isolation::ReadCommitted && back.read.high_watermark > offset)
}
