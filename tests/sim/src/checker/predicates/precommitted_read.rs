//! precommitted-read (Jepsen): a read-committed reader saw a record of a transaction whose commit was not requested
//! yet.

use crate::checker::{findings::Findings, indexed_history::IndexedHistory};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for seen in log.sightings.iter().filter(|seen| seen.committed) {
            let Some(send) = history.send_of(seen.value) else { continue };
            let Some(txn) = send.sent.txn.and_then(|txn| history.txns.get(&txn)) else { continue };
            let requested = txn.visible.is_some_and(|(requested, _)| requested <= seen.at);
            let aborted = txn.aborting.is_some_and(|(requested, _)| requested <= seen.at);
            if !requested && !aborted {
                let commit = txn.visible.map(|(_, event)| event);
                findings.add([send.event, seen.event].into_iter().chain(commit), || {
                    let (value, offset) = (seen.value, seen.offset);
                    format!(
                        "a read-committed reader saw {value} in {partition} at {offset} before its commit was requested"
                    )
                });
            }
        }
    }
}
