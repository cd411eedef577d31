//! stable-offset-goes-back: an answer has a lower stable offset than an earlier answer of the same agent. (Without
//! transactions it is the end of the log.)

use std::{collections::BTreeMap, time::Duration};

use alluvium_model::Offset;

use crate::{
    checker::{
        findings::Findings,
        indexed_history::{IndexedHistory, Log},
    },
    history::{AgentAddress, Phase},
};

/// One answer about a partition.
#[derive(Clone, Copy)]
struct Answer {
    began: Duration,
    at: Duration,
    stable: Offset,
    event: usize,
}

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    if history.txns.is_empty() {
        return;
    }
    for (partition, log) in &history.logs {
        for (agent, answers) in answers(log) {
            for (before, after) in went_back(&answers) {
                findings.add([before.event, after.event], || {
                    format!("{partition}: agent {agent} goes back from {} to {}", before.stable, after.stable)
                });
            }
        }
    }
}

/// The answers of each agent, in the order in which they came.
fn answers<'h>(log: &Log<'h>) -> BTreeMap<&'h AgentAddress, Vec<Answer>> {
    let polls = log.polls.iter().map(|poll| {
        let answer = poll.poll;
        (&answer.agent, Answer { began: answer.began, at: poll.at, stable: answer.stable, event: poll.event })
    });
    let backs = log.readbacks.iter().filter(|back| back.read.phase != Phase::Files).map(|back| {
        let read = back.read;
        (&read.agent, Answer { began: read.began, at: back.at, stable: read.stable, event: back.event })
    });
    let mut answers: BTreeMap<&AgentAddress, Vec<Answer>> = BTreeMap::new();
    for (agent, answer) in polls.chain(backs) {
        answers.entry(agent).or_default().push(answer);
    }
    answers.values_mut().for_each(|of| of.sort_by_key(|answer| answer.event));
    answers
}

/// Each answer that is lower than one that had come before it was asked for, with that one.
fn went_back(answers: &[Answer]) -> Vec<(Answer, Answer)> {
    // By the time of the answer: the highest so far.
    let mut highest: Vec<Answer> = Vec::with_capacity(answers.len());
    for answer in answers {
        let higher = highest.last().filter(|before| before.stable >= answer.stable).copied();
        highest.push(higher.unwrap_or(*answer));
    }
    let before = |asked: Duration| {
        let came = answers.partition_point(|answer| answer.at < asked);
        highest[..came].last().copied()
    };
    let pairs = answers.iter().filter_map(|answer| Some((before(answer.began)?, *answer)));
    pairs.filter(|(before, after)| after.stable < before.stable).collect()
}
