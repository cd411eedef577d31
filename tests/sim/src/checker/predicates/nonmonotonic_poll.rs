//! nonmonotonic-poll (Jepsen): a consumer got records whose offsets do not grow or lie before the requested one, or its
//! next offset went back.

use alluvium_model::TopicPartition;

use super::poll_skip::successions;
use crate::checker::{
    findings::Findings,
    indexed_history::{IndexedHistory, IndexedPoll},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for poll in &log.polls {
            within(*partition, poll, findings);
        }
        for (last, poll) in successions(log) {
            if let Some((event, next)) = last.filter(|(_, next)| poll.poll.from < *next) {
                findings.add([event, poll.event], || {
                    format!("{partition}: {} goes on at {} and not at {next}", poll.actor, poll.poll.from)
                });
            }
        }
    }
}

fn within(partition: TopicPartition, history: &IndexedPoll<'_>, findings: &mut Findings) {
    let poll = history.poll;
    let mut last = None;
    for seen in &poll.records {
        if last.is_some_and(|last| seen.offset <= last) {
            findings.add([history.event], || format!("{partition}: {} came after {last:?}", seen.offset));
        }
        if seen.offset < poll.from || seen.offset >= poll.next {
            findings.add([history.event], || {
                format!("{partition}: {} is outside the fetched range, {} to {}", seen.offset, poll.from, poll.next)
            });
        }
        last = Some(seen.offset);
    }
    if poll.next < poll.from {
        findings.add([history.event], || format!("{partition}: from {} back to {}", poll.from, poll.next));
    }
}
