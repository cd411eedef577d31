//! lost-write (Jepsen): a record was acknowledged, or seen, and a read that reaches its offset does not have it.
//!
//! The readbacks of the final check decide. If a partition was not read back, the polls do: an acknowledged record that
//! a poll skipped and no reader ever saw is lost.

use std::collections::HashSet;

use alluvium_model::{Offset, TopicPartition};

use crate::{
    checker::{
        findings::Findings,
        indexed_history::{IndexedHistory, Log},
    },
    history::ValueId,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        if log.readbacks.is_empty() {
            passed_over(history, *partition, log, findings);
        } else if !log.floor.deleted() {
            gone_at_the_end(history, *partition, log, findings);
        }
    }
}

fn gone_at_the_end(history: &IndexedHistory<'_>, partition: TopicPartition, log: &Log<'_>, findings: &mut Findings) {
    let there: HashSet<ValueId> = log.sightings.iter().filter(|seen| seen.last).map(|seen| seen.value).collect();
    let floor = log.floor.at_end();
    let end = log.readbacks.iter().map(|back| back.read.high_watermark).max().unwrap_or_default();
    let lost = |offset: Offset, value: ValueId| offset >= floor && !there.contains(&value) && history.counts(value);
    for acked in log.acked.iter().filter(|acked| acked.offset < end && lost(acked.offset, acked.value)) {
        let reads = log.readbacks.first().map(|back| back.event);
        findings.add(history.sends[acked.send].events().into_iter().chain(reads), || {
            format!("{} was acknowledged at {} of {partition} and is not there at the end", acked.value, acked.offset)
        });
    }
    for seen in log.sightings.iter().filter(|seen| lost(seen.offset, seen.value)) {
        let acked = history.send_of(seen.value).is_some_and(|send| send.acked_base().is_some());
        if !acked || seen.offset >= end {
            let reads = log.readbacks.first().map(|back| back.event);
            findings.add([seen.event].into_iter().chain(reads), || {
                format!("{} was seen at {} of {partition} and is not there at the end", seen.value, seen.offset)
            });
        }
    }
}

fn passed_over(history: &IndexedHistory<'_>, partition: TopicPartition, log: &Log<'_>, findings: &mut Findings) {
    let seen: HashSet<ValueId> = log.sightings.iter().map(|seen| seen.value).collect();
    let unseen: Vec<_> =
        log.acked.iter().filter(|acked| !seen.contains(&acked.value) && history.counts(acked.value)).collect();
    for poll in &log.polls {
        let floor = log.floor.deletable_by(poll.at).max(poll.poll.from);
        let start = unseen.partition_point(|acked| acked.offset < floor);
        let passed = unseen[start..].iter().take_while(|acked| acked.offset < poll.poll.next);
        if log.floor.deleted_by(poll.at) {
            continue;
        }
        if let Some(acked) = passed.into_iter().next() {
            findings.add(history.sends[acked.send].events().into_iter().chain([poll.event]), || {
                format!("{} was acknowledged at {} of {partition}, which a poll passed over", acked.value, acked.offset)
            });
        }
    }
}
