//! Builds the indexes from the events.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use alluvium_model::{Offset, TopicId, TopicPartition};

use super::{
    AckedAt, CommitStatus, Consumption, Floor, IndexedPoll, IndexedReadback, IndexedSend, IndexedTxn, Log, SendEnd,
    Sighting, StaleOffset, commits, consumption, groups::Groups,
};
use crate::history::{
    Admin, Event, EventKind, History, Isolation, Join, LiveExtent, Seen, SendId, Sent, TxnId, ValueId,
};

/// A history with indexes.
#[derive(Debug, Default)]
pub struct IndexedHistory<'h> {
    /// All sends, in the order of their first attempts.
    pub sends: Vec<IndexedSend<'h>>,
    /// By value: the position of its send in `sends`, and its own in the batch. Only looked up, never iterated.
    pub values: HashMap<ValueId, (usize, usize)>,
    /// All partitions that events name.
    pub logs: BTreeMap<TopicPartition, Log<'h>>,
    /// All transactions.
    pub txns: BTreeMap<TxnId, IndexedTxn>,
    /// The events themselves.
    pub events: &'h [Event],
    groups: Groups<'h>,
    stale_offsets: Vec<StaleOffset>,
    by_id: HashMap<SendId, usize>,
    topics: BTreeMap<TopicId, Floor>,
}

impl<'h> IndexedHistory<'h> {
    /// Indexes `history`.
    #[must_use]
    pub fn of(history: &'h History) -> Self {
        let mut indexed = Self { events: &history.events, ..Self::default() };
        for (index, event) in history.events.iter().enumerate() {
            indexed.take(index, event);
        }
        indexed.spread_topics();
        indexed.order_sightings();
        indexed.settle_transactions();
        indexed.locate_sends();
        indexed.list_existing();
        indexed.groups = Groups::of(indexed.events);
        indexed.stale_offsets =
            commits::stale(indexed.events, &indexed.txns, |partition, at| indexed.topic_gone(partition, at));
        indexed
    }

    /// The newest generation of `group` that had begun before `at`, as shown by a join: its event, and itself.
    #[must_use]
    pub fn generation_before(&self, group: &str, at: Duration) -> Option<(usize, &'h Join)> {
        self.groups.before(group, at)
    }

    /// Whether `group` may have been deleted at some time between.
    #[must_use]
    pub fn group_deleted(&self, group: &str, from: Duration, to: Duration) -> bool {
        self.groups.deleted(group, from, to)
    }

    /// Answers about committed offsets that no commit explains.
    #[must_use]
    pub fn stale_offsets(&self) -> &[StaleOffset] {
        &self.stale_offsets
    }

    /// What loops have consumed with their transactions, by group and partition, ascending.
    #[must_use]
    pub fn consumed(&self) -> BTreeMap<(&'h str, TopicPartition), Vec<Consumption>> {
        consumption::of(self.events, &self.txns)
    }

    /// The extents of each final listing, by partition and offset; with the listing's event.
    pub fn extents(&self) -> impl Iterator<Item = (usize, Vec<&'h LiveExtent>)> + use<'h> {
        self.events.iter().enumerate().filter_map(|(index, event)| {
            let EventKind::FinalObjects(objects) = &event.what else { return None };
            let mut extents: Vec<&LiveExtent> = objects.live.iter().collect();
            extents.sort_by_key(|extent| (extent.partition, extent.offsets.start, extent.offsets.end));
            Some((index, extents))
        })
    }

    /// The send that `value` belongs to.
    #[must_use]
    pub fn send_of(&self, value: ValueId) -> Option<&IndexedSend<'h>> {
        self.values.get(&value).map(|(send, _)| &self.sends[*send])
    }

    /// The transaction that `value` belongs to.
    #[must_use]
    pub fn txn_of(&self, value: ValueId) -> Option<&IndexedTxn> {
        self.txns.get(&self.send_of(value)?.sent.txn?)
    }

    /// Whether every reader has to see `value` if it is in the log: it is not part of a transaction that did not
    /// commit.
    #[must_use]
    pub fn counts(&self, value: ValueId) -> bool {
        self.txn_of(value).is_none_or(|txn| txn.status == CommitStatus::Committed)
    }

    fn take(&mut self, index: usize, event: &'h Event) {
        let at = event.at;
        match &event.what {
            EventKind::Sent(sent) => self.sent(index, event, sent),
            EventKind::Retried(retried) => {
                if let Some(send) = self.send(retried.send) {
                    send.attempts += 1;
                }
            }
            EventKind::Acked(acked) => self.end(acked.send, SendEnd::Acked(acked.base), at, index),
            EventKind::SendFailed(send) => self.end(*send, SendEnd::Failed, at, index),
            EventKind::SendUnknown(send) => self.end(*send, SendEnd::Unknown, at, index),
            EventKind::TxnBegun(begun) => {
                let txn = self.txns.entry(begun.txn).or_default();
                (txn.actor, txn.producer) = (event.actor, Some(begun.producer));
            }
            EventKind::TxnEnding(ending) => {
                self.txns.entry(ending.txn).or_default().ending(ending.commit, at, index);
            }
            EventKind::TxnEnded(ended) => {
                self.txns.entry(ended.txn).or_default().ended(ended.commit, ended.outcome, at, index);
            }
            EventKind::Positioned(position) => {
                self.log(position.partition).positions.push((index, event.actor, position.to));
            }
            EventKind::Polled(poll) => {
                let log = self.logs.entry(poll.partition).or_default();
                log.polls.push(IndexedPoll { event: index, at, actor: event.actor, poll });
                log.floor.reported_start = log.floor.reported_start.max(poll.log_start);
                let committed = poll.isolation == Isolation::ReadCommitted;
                see(log, &poll.records, (at, index), committed, false);
            }
            EventKind::Readback(read) => {
                let log = self.logs.entry(read.partition).or_default();
                log.readbacks.push(IndexedReadback { event: index, at, read });
                log.floor.reported_start = log.floor.reported_start.max(read.log_start);
                let committed = read.isolation == Isolation::ReadCommitted;
                see(log, &read.records, (at, index), committed, true);
            }
            EventKind::Admin(admin) => self.administered(index, at, admin),
            EventKind::Joined(_)
            | EventKind::Left(_)
            | EventKind::Heartbeat(_)
            | EventKind::CommittedOffset(_)
            | EventKind::FetchedOffset(_)
            | EventKind::Fault(_)
            | EventKind::Progress(_)
            | EventKind::TxnInit(_)
            | EventKind::OpenTxn(_)
            | EventKind::FinalObjects(_)
            | EventKind::Stuck(_) => {}
        }
    }

    fn sent(&mut self, index: usize, event: &Event, sent: &'h Sent) {
        let position = self.sends.len();
        self.by_id.insert(sent.send, position);
        for (place, value) in sent.values.iter().enumerate() {
            self.values.insert(*value, (position, place));
        }
        self.log(sent.partition).sends.push(position);
        if let Some(txn) = sent.txn {
            let txn = self.txns.entry(txn).or_default();
            txn.actor = event.actor;
            txn.producer = sent.producer;
            txn.sends.push(position);
        }
        self.sends.push(IndexedSend {
            sent,
            actor: event.actor,
            event: index,
            at: event.at,
            attempts: 1,
            end: SendEnd::Unknown,
            ended: None,
            base: None,
            known: None,
        });
    }

    fn end(&mut self, send: SendId, end: SendEnd, at: Duration, event: usize) {
        let Some(send) = self.send(send) else { return };
        // A rejection says nothing about an earlier attempt.
        send.end = if end == SendEnd::Failed && send.attempts > 1 { SendEnd::Unknown } else { end };
        send.ended = Some((at, event));
        if let SendEnd::Acked(base) = end {
            send.base = base;
            send.known = Some((at, event));
        }
    }

    fn administered(&mut self, index: usize, at: Duration, admin: &Admin) {
        match admin {
            Admin::TopicCreated { topic, retention, .. } => {
                self.topics.entry(*topic).or_default().retention = *retention;
            }
            Admin::TopicDeleted { began, topic, outcome } => {
                self.topics.entry(*topic).or_default().delete(*began, *outcome);
            }
            Admin::RecordsDeleted { began, partition, before, outcome, log_start } => {
                self.log(*partition).floor.trim(index, (*began, at), (*before, *log_start), *outcome);
            }
            Admin::PartitionsAdded { .. } | Admin::GroupDeleted { .. } => {}
        }
    }

    /// Copies the retention and the deletion of topics to their partitions.
    fn spread_topics(&mut self) {
        for (partition, log) in &mut self.logs {
            if let Some(topic) = self.topics.get(&partition.topic) {
                log.floor.retention = topic.retention;
                log.floor.deletion = topic.deletion;
            }
        }
    }

    fn order_sightings(&mut self) {
        for log in self.logs.values_mut() {
            log.sightings.sort_unstable();
        }
    }

    fn settle_transactions(&mut self) {
        for log in self.logs.values() {
            for seen in log.sightings.iter().filter(|seen| seen.committed) {
                let txn = self.values.get(&seen.value).and_then(|(send, _)| self.sends[*send].sent.txn);
                if let Some(txn) = txn.and_then(|txn| self.txns.get_mut(&txn)) {
                    txn.seen_committed(seen.at, seen.event);
                }
            }
        }
    }

    /// Finds the offsets of sends that were not acknowledged, and when each send was first known to be in the log.
    fn locate_sends(&mut self) {
        for (partition, log) in &self.logs {
            for seen in log.first_sightings() {
                let Some((position, place)) = self.values.get(&seen.value).copied() else { continue };
                let send = &mut self.sends[position];
                if send.sent.partition != *partition {
                    continue;
                }
                let base = Offset(seen.offset.0.saturating_sub(i64::try_from(place).unwrap_or(i64::MAX)));
                match send.base {
                    // Seen at two offsets: unknown which copy is the original.
                    Some(other) if other != base && send.acked_base().is_none() => send.base = None,
                    Some(other) if other != base => {}
                    Some(_) => known_since(send, seen.at, seen.event),
                    None if send.known.is_none() => {
                        send.base = Some(base);
                        known_since(send, seen.at, seen.event);
                    }
                    None => {}
                }
            }
        }
        self.list_acked();
    }

    fn list_acked(&mut self) {
        for (position, send) in self.sends.iter().enumerate() {
            let Some(base) = send.acked_base() else { continue };
            let log = self.logs.entry(send.sent.partition).or_default();
            let offsets = (0u64..).map(|place| base.plus(place));
            log.acked.extend(offsets.zip(&send.sent.values).map(|(offset, value)| AckedAt {
                offset,
                value: *value,
                send: position,
            }));
        }
        for log in self.logs.values_mut() {
            log.acked.sort_unstable();
        }
    }

    fn list_existing(&mut self) {
        let mut logs = std::mem::take(&mut self.logs);
        for log in logs.values_mut() {
            let acked = log.acked.iter().filter(|acked| self.counts(acked.value)).map(|acked| (acked.offset, false));
            let seen = log.first_sightings().filter(|seen| self.counts(seen.value)).map(|seen| (seen.offset, true));
            let mut existing: Vec<_> = acked.chain(seen).collect();
            // Seen before unseen, so that the first of each offset says whether anybody saw it.
            existing.sort_unstable_by_key(|(offset, seen)| (*offset, !*seen));
            existing.dedup_by_key(|(offset, _)| *offset);
            log.existing = existing;
        }
        self.logs = logs;
    }

    fn topic_gone(&self, partition: TopicPartition, at: Duration) -> bool {
        self.topics.get(&partition.topic).is_some_and(|topic| topic.deleted_by(at))
    }

    fn log(&mut self, partition: TopicPartition) -> &mut Log<'h> {
        self.logs.entry(partition).or_default()
    }

    fn send(&mut self, send: SendId) -> Option<&mut IndexedSend<'h>> {
        self.by_id.get(&send).map(|position| &mut self.sends[*position])
    }
}

fn see(log: &mut Log<'_>, records: &[Seen], (at, event): (Duration, usize), committed: bool, last: bool) {
    log.sightings.extend(records.iter().map(|seen| {
        let Seen { offset, value, timestamp } = *seen;
        Sighting { offset, value, at, event, timestamp, committed, last }
    }));
}

fn known_since(send: &mut IndexedSend<'_>, at: Duration, event: usize) {
    if send.known.is_none_or(|(known, _)| at < known) {
        send.known = Some((at, event));
    }
}
