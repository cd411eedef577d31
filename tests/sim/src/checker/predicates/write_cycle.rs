//! write-cycle (Jepsen; Adya's G0 with real time): a batch lies before another that was in the log before the first was
//! sent.
//!
//! A single log is correct if each batch takes effect at one moment between its first attempt and its acknowledgement,
//! and the offsets follow these moments. Then no cycle of "lies before" and "was there before the other was sent"
//! exists, over however many partitions, because logs that are each in real-time order are so together (Herlihy and
//! Wing: linearizability is local). So it is enough to look for cycles of two in each partition. Cycles of transactions
//! by "lies before" alone are no violation: Kafka's transactions do not isolate writes, and neither do ours.

use std::time::Duration;

use crate::checker::{
    findings::Findings,
    indexed_history::{IndexedHistory, IndexedSend},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        let mut sends: Vec<&IndexedSend<'_>> =
            log.sends.iter().map(|position| &history.sends[*position]).filter(|send| send.base.is_some()).collect();
        sends.sort_by_key(|send| send.base);
        // From the end of the log: the earliest moment at which a later batch was known to be there, with its event.
        let mut earliest: Option<((Duration, usize), &IndexedSend<'_>)> = None;
        for send in sends.into_iter().rev() {
            if let Some(((known, _), behind)) = earliest.filter(|(known, _)| *known < (send.at, send.event)) {
                findings.add(behind.events().into_iter().chain(send.events()), || {
                    format!(
                        "{partition}: {} at {:?} was there at {known:?}; {} was sent after that, and is at {:?}",
                        behind.sent.send, behind.base, send.sent.send, send.base
                    )
                });
            }
            if let Some(known) = send.known
                && earliest.is_none_or(|(earliest, _)| known < earliest)
            {
                earliest = Some((known, send));
            }
        }
    }
}
