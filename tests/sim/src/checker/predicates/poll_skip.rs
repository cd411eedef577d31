//! poll-skip (Jepsen): a consumer did not get a record between the offset where it began and its next offset.
//!
//! Checked within each poll (records between the requested offset and the next one that some reader saw), and from poll
//! to poll until the consumer sets another position.

use std::collections::BTreeMap;

use alluvium_model::{Offset, TopicPartition};

use crate::{
    checker::{
        findings::Findings,
        indexed_history::{IndexedHistory, IndexedPoll, Log},
    },
    history::Actor,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for poll in &log.polls {
            within(*partition, log, poll, findings);
        }
        between(*partition, log, findings);
    }
}

fn within(partition: TopicPartition, log: &Log<'_>, history: &IndexedPoll<'_>, findings: &mut Findings) {
    let poll = history.poll;
    if log.floor.deleted_by(history.at) {
        return;
    }
    let from = poll.from.max(log.floor.deletable_by(history.at));
    let due = log.existing_in(from, poll.next).iter().filter(|(_, seen)| *seen).map(|(offset, _)| *offset);
    let mut given: Vec<Offset> = poll.records.iter().map(|seen| seen.offset).collect();
    given.sort_unstable();
    let mut skipped = due.filter(|offset| given.binary_search(offset).is_err());
    if let Some(offset) = skipped.next() {
        let count = 1 + skipped.count();
        let witness = log.seen_at(offset).first().map(|seen| seen.event);
        findings.add([history.event].into_iter().chain(witness), || {
            format!("{partition}: from {} to {} without {offset} ({count} records)", poll.from, poll.next)
        });
    }
}

fn between(partition: TopicPartition, log: &Log<'_>, findings: &mut Findings) {
    for (last, poll) in successions(log) {
        let Some((event, next)) = last.filter(|(_, next)| *next < poll.poll.from) else { continue };
        let from = next.max(log.floor.deletable_by(poll.at));
        if let Some((offset, _)) = log.existing_in(from, poll.poll.from).first() {
            findings.add([event, poll.event], || {
                format!("{partition}: {} goes on at {} and not at {next}, without {offset}", poll.actor, poll.poll.from)
            });
        }
    }
}

/// Each poll with the previous position of its consumer, and the event that set it.
pub(super) fn successions<'l, 'h>(
    log: &'l Log<'h>,
) -> impl Iterator<Item = (Option<(usize, Offset)>, &'l IndexedPoll<'h>)> + use<'l, 'h> {
    let mut stands: BTreeMap<Actor, (usize, Offset)> = BTreeMap::new();
    let mut positions = log.positions.iter().peekable();
    log.polls.iter().map(move |poll| {
        while let Some((event, actor, to)) = positions.next_if(|(event, ..)| *event < poll.event) {
            stands.insert(*actor, (*event, *to));
        }
        (stands.insert(poll.actor, (poll.event, poll.poll.next)), poll)
    })
}
