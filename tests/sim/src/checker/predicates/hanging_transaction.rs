//! hanging-transaction: after the end of all faults and clients a transaction is open although its timeout has passed, or
//! something keeps read-committed readers from the end of the log.

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::{EventKind, Phase},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, event) in history.events.iter().enumerate() {
        if let EventKind::OpenTxn(open) = &event.what {
            let (id, epoch) = open.producer;
            findings.add([index], || format!("the transaction of {} by producer {id}/{epoch} does not end", open.id));
        }
    }
    if history.txns.is_empty() {
        return;
    }
    for (partition, log) in &history.logs {
        for back in log.readbacks.iter().filter(|back| back.read.phase != Phase::Files) {
            let (stable, end) = (back.read.stable, back.read.high_watermark);
            if stable < end {
                findings.add([back.event], || format!("{partition} ends at {end}, and is stable only up to {stable}"));
            }
        }
    }
}
