//! reads-disagree-about-aborted: a read-committed reader saw a record of a transaction, and another one that read past its
//! offset did not: to one the transaction was committed, to the other aborted.

use std::time::Duration;

use alluvium_model::{Offset, TopicPartition};

use crate::{
    checker::{
        findings::Findings,
        indexed_history::{IndexedHistory, Log},
    },
    history::{Isolation, Seen},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        let shown = shown(history, log);
        if shown.is_empty() {
            continue;
        }
        for poll in log.polls.iter().filter(|poll| poll.poll.isolation == Isolation::ReadCommitted) {
            let range = (poll.poll.from, poll.poll.next);
            check((*partition, log), &shown, (poll.event, poll.at, range, &poll.poll.records), findings);
        }
        for back in log.readbacks.iter().filter(|back| back.read.isolation == Isolation::ReadCommitted) {
            let range = (back.read.log_start, back.read.stable);
            check((*partition, log), &shown, (back.event, back.at, range, &back.read.records), findings);
        }
    }
}

/// The offsets at which read-committed readers saw records of transactions, ascending, each with the first event.
fn shown(history: &IndexedHistory<'_>, log: &Log<'_>) -> Vec<(Offset, usize)> {
    let of_txn = |value| history.send_of(value).is_some_and(|send| send.sent.txn.is_some());
    let seen = log.sightings.iter().filter(|seen| seen.committed && of_txn(seen.value));
    let mut shown: Vec<(Offset, usize)> = seen.map(|seen| (seen.offset, seen.event)).collect();
    shown.dedup_by_key(|(offset, _)| *offset);
    shown
}

fn check(
    (partition, log): (TopicPartition, &Log<'_>),
    shown: &[(Offset, usize)],
    (event, at, (from, to), records): (usize, Duration, (Offset, Offset), &[Seen]),
    findings: &mut Findings,
) {
    if log.floor.deleted_by(at) {
        return;
    }
    let from = from.max(log.floor.deletable_by(at));
    let start = shown.partition_point(|(offset, _)| *offset < from);
    let end = shown.partition_point(|(offset, _)| *offset < to).max(start);
    let mut given: Vec<Offset> = records.iter().map(|seen| seen.offset).collect();
    given.sort_unstable();
    let mut hidden = shown[start..end].iter().filter(|(offset, _)| given.binary_search(offset).is_err());
    if let Some((offset, witness)) = hidden.next() {
        let count = 1 + hidden.count();
        findings.add([event, *witness], || {
            format!(
                "{partition}: {count} records, the first at {offset}, were aborted to one reader and not to another"
            )
        });
    }
}
