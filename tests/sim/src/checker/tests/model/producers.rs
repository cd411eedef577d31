//! Producers: batches in flight, which arrive in order or never, and answers that may get lost.

use std::collections::VecDeque;

use alluvium_model::{ProducerEpoch, ProducerId};

use super::{
    log::{Log, offset},
    world::{PARTITIONS, Recording, numbered},
};
use crate::history::{
    Acked, AgentAddress, ConnectionNumber, EventKind, Outcome, Retried, SendId, Sent, TxnEnded, TxnEnding, TxnId,
    ValueId,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Idempotent,
    Transactional,
}

/// A batch that is on its way; `at`: where it lies since it arrived.
struct Flight {
    send: SendId,
    values: Vec<ValueId>,
    txn: Option<TxnId>,
    at: Option<usize>,
}

pub struct Producer {
    actor: u32,
    kind: Kind,
    id: ProducerId,
    connection: u64,
    numbers: [u64; PARTITIONS],
    /// Per partition, in order.
    flights: Vec<VecDeque<Flight>>,
    txn: Option<TxnId>,
}

impl Producer {
    pub fn new(actor: u32, kind: Kind) -> Self {
        let flights = (0..PARTITIONS).map(|_| VecDeque::new()).collect();
        let id = ProducerId(i64::from(actor));
        Self { actor, kind, id, connection: 0, numbers: [0; PARTITIONS], flights, txn: None }
    }

    pub fn step(&mut self, recording: &mut Recording, logs: &mut [Log]) {
        let index = recording.count(PARTITIONS);
        match recording.below(10) {
            0..=3 => self.send(recording, index),
            4..=6 => self.arrive(recording, logs, index),
            7..=8 => self.answer(recording, logs, index),
            _ if self.kind == Kind::Transactional => self.end(recording, logs),
            _ => self.lose_connection(recording, index),
        }
    }

    /// Answers or gives up everything in flight.
    pub fn finish(&mut self, recording: &mut Recording, logs: &mut [Log]) {
        self.flush(recording, logs);
        self.end(recording, logs);
    }

    fn flush(&mut self, recording: &mut Recording, logs: &mut [Log]) {
        for index in 0..PARTITIONS {
            while !self.flights[index].is_empty() {
                self.arrive(recording, logs, index);
                self.answer(recording, logs, index);
            }
        }
    }

    fn send(&mut self, recording: &mut Recording, index: usize) {
        if self.kind == Kind::Transactional && self.txn.is_none() {
            self.txn = Some(TxnId(recording.name()));
        }
        if self.connection == 0 {
            self.connection = recording.name();
        }
        let values: Vec<ValueId> = (0..1 + recording.below(4)).map(|_| ValueId(recording.name())).collect();
        let send = SendId(recording.name());
        recording.record(
            self.actor,
            EventKind::Sent(Sent {
                send,
                partition: numbered(index),
                number: self.numbers[index],
                values: values.clone(),
                producer: (self.kind != Kind::Plain).then_some((self.id, ProducerEpoch(0))),
                txn: self.txn,
                connection: ConnectionNumber(self.connection),
                agent: AgentAddress::from("agent-0"),
            }),
        );
        self.numbers[index] += u64::try_from(values.len()).unwrap();
        self.flights[index].push_back(Flight { send, values, txn: self.txn, at: None });
    }

    /// Delivers the first batch that has not arrived.
    fn arrive(&mut self, recording: &mut Recording, logs: &mut [Log], index: usize) {
        let waiting = self.flights[index].iter_mut().find(|flight| flight.at.is_none());
        if let Some(flight) = waiting {
            flight.at = Some(logs[index].append(&flight.values, flight.txn));
            // The answer is lost and it goes out again: a duplicate if idempotent, otherwise appended again.
            if recording.chance(20) {
                let connection = ConnectionNumber(recording.name());
                let again = Retried { send: flight.send, connection, agent: AgentAddress::from("agent-1") };
                recording.record(self.actor, EventKind::Retried(again));
                if self.kind == Kind::Plain && recording.chance(50) {
                    logs[index].append(&flight.values, None);
                }
            }
        }
    }

    /// The first batch in flight is answered: with success if it has arrived.
    fn answer(&mut self, recording: &mut Recording, logs: &mut [Log], index: usize) {
        let Some(flight) = self.flights[index].pop_front() else { return };
        let happening = match flight.at {
            Some(_) if recording.chance(15) => EventKind::SendUnknown(flight.send),
            Some(_) if recording.chance(5) => EventKind::Acked(Acked { send: flight.send, base: None }),
            Some(at) => EventKind::Acked(Acked { send: flight.send, base: Some(offset(at)) }),
            None if recording.chance(50) => EventKind::SendFailed(flight.send),
            None => EventKind::SendUnknown(flight.send),
        };
        recording.record(self.actor, happening);
        // A send without a known outcome may arrive late, but never after its successors if order is kept.
        if flight.at.is_none() && self.flights[index].is_empty() && recording.chance(50) && self.kind == Kind::Plain {
            let unknown =
                matches!(recording.history.events.last().map(|event| &event.what), Some(EventKind::SendUnknown(_)));
            if unknown {
                logs[index].append(&flight.values, None);
            }
        }
    }

    /// Gives up all batches in flight to one partition; those that had not arrived never do. Others go on over a new
    /// connection.
    fn lose_connection(&mut self, recording: &mut Recording, index: usize) {
        for flight in std::mem::take(&mut self.flights[index]) {
            recording.record(self.actor, EventKind::SendUnknown(flight.send));
        }
        if self.kind == Kind::Plain {
            self.connection = recording.name();
        }
    }

    fn end(&mut self, recording: &mut Recording, logs: &mut [Log]) {
        let Some(txn) = self.txn.take() else { return };
        self.flush(recording, logs);
        let commit = recording.chance(65);
        recording.record(self.actor, EventKind::TxnEnding(TxnEnding { txn, commit }));
        let outcome = match recording.below(10) {
            0 => Outcome::Refused,
            1..=2 => Outcome::Unknown,
            _ => Outcome::Done,
        };
        // A rejected or unfinished end becomes an abort eventually.
        let committed = commit && (outcome == Outcome::Done || (outcome == Outcome::Unknown && recording.chance(50)));
        for log in logs.iter_mut().filter(|log| log.holds(txn)) {
            log.mark(self.id, txn, committed);
        }
        recording.record(self.actor, EventKind::TxnEnded(TxnEnded { txn, commit, outcome }));
    }
}
