//! aborted-read (Jepsen; Adya's G1a): a reader saw a record whose send was rejected, or a read-committed reader saw a
//! record of a transaction that did not commit.

use crate::checker::{
    findings::Findings,
    indexed_history::{CommitStatus, IndexedHistory, SendEnd},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for seen in &log.sightings {
            let Some(send) = history.send_of(seen.value) else { continue };
            if send.end == SendEnd::Failed {
                findings.add(send.events().into_iter().chain([seen.event]), || {
                    format!(
                        "{} of {} was rejected, and read in {partition} at {}",
                        seen.value, send.sent.send, seen.offset
                    )
                });
            }
            let Some(txn) = send.sent.txn.and_then(|txn| history.txns.get(&txn)) else { continue };
            if let (true, CommitStatus::NotCommitted, Some((requested, aborting))) =
                (seen.committed, txn.status, txn.aborting.or(txn.refused))
                && requested <= seen.at
            {
                findings.add([send.event, aborting, seen.event], || {
                    let (value, offset) = (seen.value, seen.offset);
                    format!("a read-committed reader saw {value} of an aborted transaction in {partition} at {offset}")
                });
            }
        }
    }
}
