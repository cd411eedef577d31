//! Committed offsets, each as a register: its writes, and the answers that no write explains.
//!
//! A write takes effect once, between its request and its answer (or at any later time, or never, if the outcome is
//! unknown). A write explains an answer if it was requested before the answer came, and if no other write began after
//! its end and ended before the request for the answer. Answers also show when a write with an unknown outcome had
//! taken effect.

use std::{collections::BTreeMap, time::Duration};

use alluvium_model::{Offset, TopicPartition};

use super::{CommitStatus, IndexedTxn};
use crate::history::{CommitOffset, Event, EventKind, FetchOffset, Outcome, TxnId};

/// An answer that no write explains.
#[derive(Clone, Debug)]
pub struct StaleOffset {
    /// The group.
    pub group: String,
    /// The partition.
    pub partition: TopicPartition,
    /// What is wrong with it.
    pub what: Staleness,
    /// The offset that it should have, or that of a later commit.
    pub last: Option<Offset>,
    /// The events of the lost write and of the answer.
    pub events: Vec<usize>,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// It has no offset.
    Missing,
    /// It has an offset that was replaced.
    Old(Offset),
    /// It has an offset that no client had committed.
    Invented(Offset),
}

#[derive(Clone, Copy, Debug)]
struct Write {
    value: Option<Offset>,
    from: Duration,
    /// When it had taken effect; the largest duration if that is unknown.
    by: Duration,
    event: Option<usize>,
}

#[derive(Debug, Default)]
struct Register<'h> {
    writes: Vec<Write>,
    reads: Vec<(usize, Duration, &'h FetchOffset)>,
}

/// All answers that no write explains.
///
/// If the topic may be deleted (`is_deleted`) by then, its offsets may be deleted with it.
pub(super) fn stale(
    events: &[Event],
    txns: &BTreeMap<TxnId, IndexedTxn>,
    is_deleted: impl Fn(TopicPartition, Duration) -> bool,
) -> Vec<StaleOffset> {
    let mut registers: BTreeMap<(&str, TopicPartition), Register<'_>> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        match &event.what {
            EventKind::CommittedOffset(commit) => {
                if let Some(write) = write(commit, index, event.at, txns) {
                    registers.entry((&commit.group, commit.partition)).or_default().writes.push(write);
                }
            }
            EventKind::FetchedOffset(fetch) if !is_deleted(fetch.partition, event.at) => {
                registers.entry((&fetch.group, fetch.partition)).or_default().reads.push((index, event.at, fetch));
            }
            _ => {}
        }
    }
    registers.into_iter().flat_map(|((group, partition), register)| register.unexplained(group, partition)).collect()
}

fn write(commit: &CommitOffset, index: usize, at: Duration, txns: &BTreeMap<TxnId, IndexedTxn>) -> Option<Write> {
    if commit.outcome == Outcome::Refused {
        return None;
    }
    let by = |done: bool| if done { at } else { Duration::MAX };
    let (from, by) = match commit.txn {
        None => (commit.began, by(commit.outcome == Outcome::Done)),
        Some(txn) => {
            let txn = txns.get(&txn)?;
            let (visible, _) = txn.visible?;
            match txn.status {
                CommitStatus::NotCommitted => return None,
                CommitStatus::Unknown => (visible, Duration::MAX),
                CommitStatus::Committed => {
                    let known = txn.committed.map_or(Duration::MAX, |(known, _)| known);
                    (visible, if commit.outcome == Outcome::Done { known } else { Duration::MAX })
                }
            }
        }
    };
    Some(Write { value: commit.offset, from, by, event: Some(index) })
}

impl Register<'_> {
    fn unexplained(mut self, group: &str, partition: TopicPartition) -> Vec<StaleOffset> {
        // Before the first write there is no offset.
        self.writes.push(Write { value: None, from: Duration::ZERO, by: Duration::ZERO, event: None });
        self.tighten();
        let by_value = self.by_value();
        let latest = Latest::of(&self.writes);
        let mut stale = Vec::new();
        for (index, at, fetch) in &self.reads {
            let replaced = latest.before(fetch.began);
            let written = by_value.get(&fetch.offset).map(Vec::as_slice).unwrap_or_default();
            let explained = written.iter().any(|write| {
                let write = &self.writes[*write];
                write.from <= *at && replaced.is_none_or(|last| write.by >= last.from)
            });
            if explained {
                continue;
            }
            let known = written.iter().any(|write| self.writes[*write].from <= *at);
            let what = match fetch.offset {
                None => Staleness::Missing,
                Some(offset) if known => Staleness::Old(offset),
                Some(offset) => Staleness::Invented(offset),
            };
            let events = replaced.and_then(|last| last.event).into_iter().chain([*index]).collect();
            let last = replaced.and_then(|last| last.value);
            stale.push(StaleOffset { group: group.to_owned(), partition, what, last, events });
        }
        stale
    }

    /// If only one write explains an answer, it had taken effect by then.
    fn tighten(&mut self) {
        let by_value = self.by_value();
        for (_, at, fetch) in &self.reads {
            let written = by_value.get(&fetch.offset).map(Vec::as_slice).unwrap_or_default();
            let mut possible = written.iter().filter(|write| self.writes[**write].from <= *at);
            if let (Some(only), None) = (possible.next().copied(), possible.next()) {
                let write = &mut self.writes[only];
                write.by = write.by.min(*at);
            }
        }
    }

    fn by_value(&self) -> BTreeMap<Option<Offset>, Vec<usize>> {
        let mut by_value: BTreeMap<Option<Offset>, Vec<usize>> = BTreeMap::new();
        for (position, write) in self.writes.iter().enumerate() {
            by_value.entry(write.value).or_default().push(position);
        }
        by_value
    }
}

/// By the time of each effect: the write that began last among those that had taken effect.
struct Latest(Vec<(Duration, Write)>);

impl Latest {
    fn of(writes: &[Write]) -> Self {
        let mut ordered: Vec<Write> = writes.iter().filter(|write| write.by < Duration::MAX).copied().collect();
        ordered.sort_by_key(|write| write.by);
        let mut latest: Option<Write> = None;
        Self(
            ordered
                .into_iter()
                .map(|write| {
                    let later = latest.filter(|latest| latest.from > write.from).unwrap_or(write);
                    latest = Some(later);
                    (write.by, later)
                })
                .collect(),
        )
    }

    /// Of the writes that had taken effect before `at`, the one that began last.
    fn before(&self, at: Duration) -> Option<Write> {
        let done = self.0.partition_point(|(by, _)| *by < at);
        self.0[..done].last().map(|(_, write)| *write)
    }
}
