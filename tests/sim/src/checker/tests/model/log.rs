//! The log of one partition, as it should be.

use alluvium_model::{Offset, ProducerId, Timestamp};

use crate::history::{Isolation, Marker, Seen, TxnId, ValueId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Record(ValueId, Option<TxnId>),
    Marker(ProducerId, TxnId, bool),
}

#[derive(Clone, Debug, Default)]
pub struct Log {
    entries: Vec<Held>,
    pub start: usize,
}

/// What a reader gets.
#[derive(Default)]
pub struct Read {
    pub records: Vec<Seen>,
    pub markers: Vec<Marker>,
    pub next: usize,
}

impl Log {
    pub fn end(&self) -> usize {
        self.entries.len()
    }

    pub fn append(&mut self, values: &[ValueId], txn: Option<TxnId>) -> usize {
        self.entries.extend(values.iter().map(|value| Held::Record(*value, txn)));
        self.end() - values.len()
    }

    pub fn mark(&mut self, producer: ProducerId, txn: TxnId, commit: bool) {
        self.entries.push(Held::Marker(producer, txn, commit));
    }

    pub fn holds(&self, txn: TxnId) -> bool {
        self.entries.iter().any(|held| matches!(held, Held::Record(_, Some(of)) if *of == txn))
    }

    /// The first offset of a transaction that has no marker, else the end.
    pub fn stable(&self) -> usize {
        let open = self.entries.iter().position(|held| match held {
            Held::Record(_, Some(txn)) => self.status(*txn).is_none(),
            Held::Record(_, None) | Held::Marker(..) => false,
        });
        open.unwrap_or(self.end())
    }

    fn status(&self, txn: TxnId) -> Option<bool> {
        self.entries.iter().find_map(|held| match held {
            Held::Marker(_, of, commit) if *of == txn => Some(*commit),
            Held::Marker(..) | Held::Record(..) => None,
        })
    }

    /// At most `count` offsets from `from` on; if `compacted`, without the markers and aborted records of transactions.
    pub fn read(&self, from: usize, count: usize, isolation: Isolation, compacted: bool) -> Read {
        let end = if isolation == Isolation::ReadCommitted { self.stable() } else { self.end() };
        let next = (from + count).min(end).max(from);
        let mut read = Read { next, ..Read::default() };
        for at in from..next {
            let offset = offset(at);
            match self.entries[at] {
                Held::Record(value, txn) => {
                    let aborted = txn.is_some_and(|txn| self.status(txn) == Some(false));
                    if !aborted || (isolation == Isolation::ReadUncommitted && !compacted) {
                        read.records.push(Seen { offset, value, timestamp: timestamp(value) });
                    }
                }
                Held::Marker(producer, _, commit) if !compacted => {
                    read.markers.push(Marker { offset, producer, commit });
                }
                Held::Marker(..) => {}
            }
        }
        read
    }
}

pub fn offset(at: usize) -> Offset {
    Offset(i64::try_from(at).unwrap())
}

fn timestamp(value: ValueId) -> Timestamp {
    Timestamp(1_000 + i64::try_from(value.0).unwrap())
}
