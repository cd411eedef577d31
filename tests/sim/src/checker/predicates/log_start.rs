//! log-start-wrong: the log start is above every requested deletion, below a confirmed one, or went back; or a record
//! lies below it.

use alluvium_model::{Offset, TopicPartition};

use crate::{
    checker::{
        findings::Findings,
        indexed_history::{IndexedHistory, Log},
    },
    history::{Admin, EventKind, Outcome, Retention},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        answered(history, *partition, log, findings);
        polled(*partition, log, findings);
        read_back(*partition, log, findings);
    }
}

/// Checks the log starts in answers to `DeleteRecords`.
fn answered(history: &IndexedHistory<'_>, partition: TopicPartition, log: &Log<'_>, findings: &mut Findings) {
    for trim in log.floor.trims.iter().filter(|trim| trim.done) {
        let EventKind::Admin(Admin::RecordsDeleted { before: Some(before), outcome: Outcome::Done, log_start, .. }) =
            &history.events[trim.event].what
        else {
            continue;
        };
        if let Some(log_start) = log_start.filter(|log_start| log_start < before) {
            findings.add([trim.event], || {
                format!("{partition}: records below {before} were deleted, and the log starts at {log_start}")
            });
        }
    }
}

/// An agent that lags may answer polls with an old log start, but never with one that no deletion explains.
fn polled(partition: TopicPartition, log: &Log<'_>, findings: &mut Findings) {
    if log.floor.retention != Retention::Forever || log.floor.deleted() {
        return;
    }
    for poll in log.polls.iter().filter(|poll| poll.poll.log_start > log.floor.trimmed_by(poll.at)) {
        too_high(partition, log, (poll.event, poll.poll.log_start), findings);
    }
}

fn too_high(partition: TopicPartition, log: &Log<'_>, (event, start): (usize, Offset), findings: &mut Findings) {
    let trims = log.floor.trims.iter().map(|trim| trim.event).filter(|trim| *trim < event);
    findings.add(trims.chain([event]), || format!("{partition} starts at {start}; no client deleted that much"));
}

fn read_back(partition: TopicPartition, log: &Log<'_>, findings: &mut Findings) {
    for back in &log.readbacks {
        let start = back.read.log_start;
        if log.floor.retention == Retention::Forever && start > log.floor.trimmed_by(back.at) {
            too_high(partition, log, (back.event, start), findings);
        }
        let confirmed = log.floor.trims.iter().filter(|trim| trim.done && trim.at <= back.read.began);
        if let Some(trim) = confirmed.max_by_key(|trim| trim.before).filter(|trim| trim.before > start) {
            findings.add([trim.event, back.event], || {
                format!("{partition}: records below {} were deleted, and it starts at {start}", trim.before)
            });
        }
        if let Some(below) = back.read.records.iter().find(|seen| seen.offset < start) {
            findings
                .add([back.event], || format!("{partition} starts at {start}, and has a record at {}", below.offset));
        }
    }
    for pair in log.readbacks.windows(2) {
        let [first, second] = pair else { continue };
        if second.read.began >= first.at && second.read.log_start < first.read.log_start {
            findings.add([first.event, second.event], || {
                let (first, second) = (first.read.log_start, second.read.log_start);
                format!("{partition}: the log start went back from {first} to {second}")
            });
        }
    }
}
