//! Builds histories by hand: one partition, one millisecond per event, defaults for whatever a test does not set.

use std::{collections::BTreeMap, time::Duration};

use alluvium_model::{ObjectId, Offset, PartitionIndex, ProducerEpoch, ProducerId, Timestamp, TopicId, TopicPartition};
use uuid::Uuid;

use crate::{
    checker::{check, trace},
    history::{
        Acked, Actor, Admin, AgentAddress, CommitOffset, ConnectionNumber, Event, EventKind, FetchOffset, FinalObjects,
        Heartbeat, History, Isolation, Join, LiveExtent, Outcome, Phase, Poll, Position, Readback, Retention, Retried,
        Seen, SendId, Sent, TxnEnded, TxnEnding, TxnId, ValueId,
    },
};

pub const TOPIC: TopicId = TopicId(Uuid::from_u128(1));

pub fn partition(index: i32) -> TopicPartition {
    TopicPartition::new(TOPIC, PartitionIndex(index))
}

/// `(offset, value)` as a record.
pub fn seen((offset, value): (i64, u64)) -> Seen {
    Seen { offset: Offset(offset), value: ValueId(value), timestamp: Timestamp(7) }
}

pub fn object(number: u8) -> ObjectId {
    ObjectId([number; 16])
}

/// A history under construction.
#[derive(Clone, Default)]
pub struct HistoryBuilder {
    pub history: History,
    numbers: BTreeMap<(Actor, TopicPartition), u64>,
}

/// What a send has other than the defaults.
#[derive(Clone, Copy)]
pub struct SendOptions {
    pub actor: u32,
    pub partition: i32,
    pub connection: u64,
    pub producer: Option<i64>,
    pub txn: Option<u64>,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self { actor: 1, partition: 0, connection: 1, producer: Some(5), txn: None }
    }
}

impl HistoryBuilder {
    pub fn now(&self) -> Duration {
        self.history.events.last().map_or(Duration::ZERO, |event| event.at)
    }

    /// When the operation that is recorded next begins: after the last event.
    pub fn next(&self) -> Duration {
        self.now() + Duration::from_micros(500)
    }

    /// Adds an event of `actor` a millisecond after the last one. Returns its position.
    pub fn record(&mut self, actor: u32, what: EventKind) -> usize {
        let at = self.now() + Duration::from_millis(1);
        self.history.push(Event { at, actor: Actor(actor), what });
        self.history.events.len() - 1
    }

    pub fn send_as(&mut self, how: SendOptions, send: u64, values: &[u64]) -> usize {
        let number = self.numbers.entry((Actor(how.actor), partition(how.partition))).or_default();
        let sent = Sent {
            send: SendId(send),
            partition: partition(how.partition),
            number: *number,
            values: values.iter().copied().map(ValueId).collect(),
            producer: how.producer.map(|id| (ProducerId(id), ProducerEpoch(0))),
            txn: how.txn.map(TxnId),
            connection: ConnectionNumber(how.connection),
            agent: AgentAddress::from("agent-0"),
        };
        *number += u64::try_from(values.len()).unwrap();
        self.record(how.actor, EventKind::Sent(sent))
    }

    pub fn send(&mut self, send: u64, values: &[u64]) -> usize {
        self.send_as(SendOptions::default(), send, values)
    }

    pub fn retry(&mut self, send: u64) -> usize {
        let again =
            Retried { send: SendId(send), connection: ConnectionNumber(2), agent: AgentAddress::from("agent-1") };
        self.record(1, EventKind::Retried(again))
    }

    pub fn ack(&mut self, send: u64, base: i64) -> usize {
        self.record(1, EventKind::Acked(Acked { send: SendId(send), base: Some(Offset(base)) }))
    }

    /// A send of one value, acknowledged.
    pub fn wrote(&mut self, value: u64, offset: i64) {
        self.send(value, &[value]);
        self.ack(value, offset);
    }

    pub fn fail(&mut self, send: u64) -> usize {
        self.record(1, EventKind::SendFailed(SendId(send)))
    }

    pub fn position(&mut self, actor: u32, to: i64) -> usize {
        self.record(actor, EventKind::Positioned(Position { partition: partition(0), to: Offset(to) }))
    }

    /// A poll of all up to its last record.
    pub fn poll(&mut self, actor: u32, from: i64, records: &[(i64, u64)]) -> usize {
        let next = records.last().map_or(from, |(offset, _)| offset + 1);
        self.record(actor, EventKind::Polled(self.poll_of(from, next, records)))
    }

    pub fn poll_committed(&mut self, actor: u32, (from, next): (i64, i64), records: &[(i64, u64)]) -> usize {
        let mut poll = self.poll_of(from, next, records);
        poll.isolation = Isolation::ReadCommitted;
        self.record(actor, EventKind::Polled(poll))
    }

    pub fn poll_of(&self, from: i64, next: i64, records: &[(i64, u64)]) -> Poll {
        Poll {
            began: self.next(),
            partition: partition(0),
            from: Offset(from),
            next: Offset(next),
            records: records.iter().copied().map(seen).collect(),
            markers: Vec::new(),
            isolation: Isolation::ReadUncommitted,
            agent: AgentAddress::from("agent-0"),
            source: None,
            high_watermark: Offset(next),
            stable: Offset(next),
            log_start: Offset(0),
        }
    }

    pub fn readback_of(&self, agent: i32, records: &[(i64, u64)]) -> Readback {
        let end = Offset(records.last().map_or(0, |(offset, _)| offset + 1));
        Readback {
            began: self.next(),
            partition: partition(0),
            agent: AgentAddress::from(&*format!("agent-{agent}")),
            phase: Phase::BeforeCompaction,
            isolation: Isolation::ReadUncommitted,
            log_start: Offset(0),
            records: records.iter().copied().map(seen).collect(),
            markers: Vec::new(),
            high_watermark: end,
            stable: end,
        }
    }

    pub fn readback(&mut self, agent: i32, records: &[(i64, u64)]) -> usize {
        self.record(0, EventKind::Readback(self.readback_of(agent, records)))
    }

    pub fn readback_committed(&mut self, (start, end): (i64, i64), records: &[(i64, u64)]) -> usize {
        let mut back = self.readback_of(0, records);
        back.isolation = Isolation::ReadCommitted;
        (back.log_start, back.high_watermark, back.stable) = (Offset(start), Offset(end), Offset(end));
        self.record(0, EventKind::Readback(back))
    }

    pub fn trim(&mut self, before: i64) -> usize {
        let began = self.next();
        self.record(
            9,
            EventKind::Admin(Admin::RecordsDeleted {
                began,
                partition: partition(0),
                before: Some(Offset(before)),
                outcome: Outcome::Done,
                log_start: Some(Offset(before)),
            }),
        )
    }

    pub fn topic(&mut self, retention: Retention) -> usize {
        let (began, name) = (self.next(), "t".to_owned());
        self.record(9, EventKind::Admin(Admin::TopicCreated { began, topic: TOPIC, name, partitions: 1, retention }))
    }

    pub fn delete_topic(&mut self, outcome: Outcome) -> usize {
        let began = self.next();
        self.record(9, EventKind::Admin(Admin::TopicDeleted { began, topic: TOPIC, outcome }))
    }

    pub fn delete_group(&mut self, outcome: Outcome) -> usize {
        let began = self.next();
        self.record(9, EventKind::Admin(Admin::GroupDeleted { began, group: "g".to_owned(), outcome }))
    }

    pub fn ending(&mut self, txn: u64, commit: bool) -> usize {
        self.record(1, EventKind::TxnEnding(TxnEnding { txn: TxnId(txn), commit }))
    }

    pub fn ended(&mut self, txn: u64, commit: bool, outcome: Outcome) -> usize {
        self.record(1, EventKind::TxnEnded(TxnEnded { txn: TxnId(txn), commit, outcome }))
    }

    pub fn join(&mut self, actor: u32, generation: i32, partitions: &[i32]) -> usize {
        let join = self.join_of(actor, generation, partitions);
        self.record(actor, EventKind::Joined(join))
    }

    pub fn join_of(&self, actor: u32, generation: i32, partitions: &[i32]) -> Join {
        Join {
            began: self.next(),
            group: "g".to_owned(),
            generation,
            member: format!("m{actor}"),
            instance: None,
            assignment: partitions.iter().copied().map(partition).collect(),
        }
    }

    pub fn heartbeat(&mut self, actor: u32, generation: i32, outcome: Outcome) -> usize {
        let (began, group, member) = (self.next(), "g".to_owned(), format!("m{actor}"));
        self.record(actor, EventKind::Heartbeat(Heartbeat { began, group, generation, member, outcome }))
    }

    pub fn commit(&mut self, offset: Option<i64>, outcome: Outcome) -> usize {
        let commit = self.commit_of(offset, outcome);
        self.record(1, EventKind::CommittedOffset(commit))
    }

    pub fn commit_of(&self, offset: Option<i64>, outcome: Outcome) -> CommitOffset {
        CommitOffset {
            began: self.next(),
            group: "g".to_owned(),
            generation: Some(1),
            member: "m1".to_owned(),
            partition: partition(0),
            offset: offset.map(Offset),
            txn: None,
            consumed_from: None,
            outcome,
        }
    }

    pub fn fetch(&mut self, offset: Option<i64>) -> usize {
        let (began, group, offset) = (self.next(), "g".to_owned(), offset.map(Offset));
        self.record(1, EventKind::FetchedOffset(FetchOffset { began, group, partition: partition(0), offset }))
    }

    /// Extents `(start, end, object)`, and what the store and the retire queue have.
    pub fn objects(&mut self, live: &[(i64, i64, u8)], stored: &[u8], retired: &[u8]) -> usize {
        let live = live.iter().map(|(start, end, number)| LiveExtent {
            partition: partition(0),
            offsets: Offset(*start)..Offset(*end),
            object: Some(object(*number)),
            is_shared: false,
        });
        let objects = FinalObjects {
            live: live.collect(),
            stored: stored.iter().copied().map(object).collect(),
            retired: retired.iter().copied().map(object).collect(),
            doubled: Vec::new(),
            strange: Vec::new(),
        };
        self.record(0, EventKind::FinalObjects(objects))
    }

    /// The names of what is wrong with it, each once, in order; all of it is printed, for a test that fails.
    pub fn violated(&self) -> Vec<&'static str> {
        for violation in check(&self.history) {
            println!("{}", trace(&self.history, &violation));
        }
        violated(&self.history)
    }
}

/// The names of what is wrong with `history`, each once, in order.
pub fn violated(history: &History) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = check(history).iter().map(|violation| violation.invariant).collect();
    names.sort_unstable();
    names.dedup();
    names
}
