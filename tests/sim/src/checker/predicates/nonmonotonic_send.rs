//! nonmonotonic-send (Jepsen): of two batches whose order must be kept, the second is before the first.
//!
//! Order must be kept among the batches of one producer id, over all connections (KIP-98), and among other batches that
//! were sent once over one connection.

use std::collections::BTreeMap;

use alluvium_model::{Offset, ProducerId, TopicPartition};

use crate::{
    checker::{
        findings::Findings,
        indexed_history::{IndexedHistory, IndexedSend, Log},
    },
    history::{Actor, ConnectionNumber},
};

/// The scope within which sends keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SendOrder {
    Producer(Actor, ProducerId),
    Connection(ConnectionNumber),
}

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        in_order(history, *partition, log, findings);
    }
}

fn in_order(history: &IndexedHistory<'_>, partition: TopicPartition, log: &Log<'_>, findings: &mut Findings) {
    let mut furthest: BTreeMap<SendOrder, (Offset, &IndexedSend<'_>)> = BTreeMap::new();
    for send in log.sends.iter().map(|position| &history.sends[*position]) {
        let (Some(base), Some(line)) = (send.base, line(send)) else { continue };
        if let Some((before, first)) = furthest.get(&line).filter(|(before, _)| base < *before) {
            findings.add(first.events().into_iter().chain(send.events()), || {
                let (first, second) = (first.sent.send, send.sent.send);
                format!("{partition}: {second} came after {first}, which is at {before}, and is at {base}")
            });
        } else {
            furthest.insert(line, (base, send));
        }
    }
}

fn line(send: &IndexedSend<'_>) -> Option<SendOrder> {
    match send.sent.producer {
        Some((id, _)) => Some(SendOrder::Producer(send.actor, id)),
        None => (send.attempts == 1).then_some(SendOrder::Connection(send.sent.connection)),
    }
}
