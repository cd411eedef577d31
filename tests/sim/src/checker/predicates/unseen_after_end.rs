//! unseen-after-end: the commit of a transaction was known before a read-committed readback began, which does not have one
//! of its records.

use std::collections::HashSet;

use alluvium_model::TopicPartition;

use crate::{
    checker::{
        findings::Findings,
        indexed_history::{IndexedHistory, IndexedReadback, Log},
    },
    history::{Isolation, Phase, ValueId},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for back in log.readbacks.iter().filter(|back| back.read.isolation == Isolation::ReadCommitted) {
            if !log.floor.deleted() {
                check(history, (*partition, log), back, findings);
            }
        }
    }
}

fn check(
    history: &IndexedHistory<'_>,
    (partition, log): (TopicPartition, &Log<'_>),
    back: &IndexedReadback<'_>,
    findings: &mut Findings,
) {
    let there: HashSet<ValueId> = back.read.records.iter().map(|seen| seen.value).collect();
    let floor = log.floor.at_end().max(back.read.log_start);
    for send in log.sends.iter().map(|position| &history.sends[*position]) {
        let Some(txn) = send.sent.txn.and_then(|txn| history.txns.get(&txn)) else { continue };
        let (Some(base), Some((committed, ended))) = (send.base, txn.committed) else { continue };
        if committed >= back.read.began {
            continue;
        }
        let offsets = (0u64..).map(|place| base.plus(place));
        let due = offsets.zip(&send.sent.values).filter(|(offset, _)| {
            *offset >= floor && (back.read.phase != Phase::Files || *offset < back.read.high_watermark)
        });
        if let Some((offset, value)) = due.into_iter().find(|(_, value)| !there.contains(value)) {
            findings.add([send.event, ended, back.event], || {
                format!(
                    "{partition}: {value} at {offset} was committed, and a read up to {} lacks it",
                    back.read.stable
                )
            });
        }
    }
}
