//! zombie-write: a producer that was fenced before it sent something had an effect with it. Whoever was given a newer
//! epoch of the same producer id has fenced it.

use std::{collections::BTreeMap, time::Duration};

use alluvium_model::{ProducerEpoch, ProducerId};

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::{EventKind, Outcome},
};

/// By producer id: when each epoch that was newer than all before it was given, and the event that shows it.
type Fences = BTreeMap<ProducerId, Vec<(Duration, ProducerEpoch, usize)>>;

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    let fences = fences(history);
    for send in history.sends.iter().filter(|send| send.sent.txn.is_some() && send.known.is_some()) {
        let Some(producer) = send.sent.producer else { continue };
        if let Some(fence) = fence(&fences, producer, send.at) {
            findings.add(send.events().into_iter().chain([fence]).chain(send.known.map(|(_, event)| event)), || {
                let (id, epoch) = producer;
                format!("{} was written by producer {id}/{epoch}, which was fenced before", send.sent.send)
            });
        }
    }
    for (id, txn) in &history.txns {
        let (Some(producer), Some((requested, event)), Some((_, committed))) =
            (txn.producer, txn.visible, txn.committed)
        else {
            continue;
        };
        if let Some(fence) = fence(&fences, producer, requested) {
            findings
                .add([fence, event, committed], || format!("{id} was committed by a producer that was fenced before"));
        }
    }
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::CommittedOffset(commit) = &event.what else { continue };
        let Some(txn) = commit.txn.and_then(|txn| history.txns.get(&txn)) else { continue };
        let (Outcome::Done, Some(producer)) = (commit.outcome, txn.producer) else { continue };
        if let Some(fence) = fence(&fences, producer, commit.began) {
            findings.add([fence, index], || {
                format!("group {}: an offset of a producer that was fenced before was accepted", commit.group)
            });
        }
    }
}

fn fences(history: &IndexedHistory<'_>) -> Fences {
    let mut fences = Fences::new();
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::TxnInit(init) = &event.what else { continue };
        let (id, epoch) = init.producer;
        let of = fences.entry(id).or_default();
        if of.last().is_none_or(|(_, newest, _)| *newest < epoch) {
            of.push((event.at, epoch, index));
        }
    }
    fences
}

/// The event that shows that `producer` was fenced before `at`.
fn fence(fences: &Fences, (id, epoch): (ProducerId, ProducerEpoch), at: Duration) -> Option<usize> {
    let of = fences.get(&id)?;
    let before = of.partition_point(|(given, ..)| *given < at);
    of[..before].last().filter(|(_, newest, _)| *newest > epoch).map(|(_, _, event)| *event)
}
