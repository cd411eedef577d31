//! Writes that are not in a snapshot yet, laid over it: those of one attempt, for its own reads, or those of a batch
//! that is being put together. Pure.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    ops::Bound::{Excluded, Included},
};

use bytes::Bytes;

use super::{Rows, range_set::RangeSet};
use crate::kv::Mutation;

/// The sum of writes, in their order, over a base that is not known yet.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    rows: BTreeMap<Bytes, PendingValue>,
    cleared: RangeSet,
}

/// What the writes so far made of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PendingValue {
    Set(Bytes),
    Cleared,
    /// The base's number plus this delta.
    Added(i64),
}

impl PendingValue {
    /// Whether the value depends on the base.
    pub fn needs_base(&self) -> bool {
        match self {
            Self::Added(_) => true,
            Self::Set(_) | Self::Cleared => false,
        }
    }

    /// The key's value over `base`.
    pub fn resolve(self, base: Option<Bytes>) -> Option<Bytes> {
        match self {
            Self::Set(value) => Some(value),
            Self::Cleared => None,
            Self::Added(delta) => Some(add(base.as_deref(), delta)),
        }
    }
}

/// FoundationDB's ADD with an operand of eight bytes: the stored number is cut or zero-filled to eight bytes; the sum
/// wraps.
fn add(value: Option<&[u8]>, delta: i64) -> Bytes {
    let mut number = [0; size_of::<i64>()];
    for (to, from) in number.iter_mut().zip(value.unwrap_or_default()) {
        *to = *from;
    }
    Bytes::copy_from_slice(&i64::from_le_bytes(number).wrapping_add(delta).to_le_bytes())
}

impl Overlay {
    /// Adds one write; `stamp` is the transaction's versionstamp, if it is known yet.
    pub fn apply(&mut self, mutation: Mutation, stamp: &[u8]) {
        match mutation {
            Mutation::Set { key, value } => {
                self.rows.insert(key, PendingValue::Set(value));
            }
            Mutation::Clear { key } => {
                self.rows.insert(key, PendingValue::Cleared);
            }
            Mutation::ClearRange { begin, end } => self.clear_range(begin, end),
            Mutation::Add { key, delta } => {
                let pending = match self.pending(&key) {
                    None => PendingValue::Added(delta),
                    Some(PendingValue::Added(before)) => PendingValue::Added(before.wrapping_add(delta)),
                    Some(PendingValue::Set(value)) => PendingValue::Set(add(Some(&value), delta)),
                    Some(PendingValue::Cleared) => PendingValue::Set(add(None, delta)),
                };
                self.rows.insert(key, pending);
            }
            Mutation::SetStamped { prefix, suffix, value } => {
                self.rows.insert([&prefix, stamp, &suffix].concat().into(), PendingValue::Set(value));
            }
        }
    }

    fn clear_range(&mut self, begin: Bytes, end: Bytes) {
        if begin >= end {
            return;
        }
        let inside: Vec<Bytes> = self.rows_in(&begin, &end).map(|(key, _)| key.clone()).collect();
        for key in inside {
            self.rows.remove(&key);
        }
        self.cleared.insert(begin, end);
    }

    fn rows_in(&self, begin: &[u8], end: &[u8]) -> impl DoubleEndedIterator<Item = (&Bytes, &PendingValue)> {
        let end = end.max(begin);
        self.rows.range::<[u8], _>((Included(begin), Excluded(end)))
    }

    /// What the writes made of `key`; `None` if they did not touch it.
    pub fn pending(&self, key: &[u8]) -> Option<PendingValue> {
        match self.rows.get(key) {
            Some(pending) => Some(pending.clone()),
            None => self.cleared.contains(key).then_some(PendingValue::Cleared),
        }
    }

    /// Whether `key` is written or cleared.
    pub fn touches(&self, key: &[u8]) -> bool {
        self.rows.contains_key(key) || self.cleared.contains(key)
    }

    /// Whether any key of the range is written or cleared.
    pub fn touches_range(&self, begin: &[u8], end: &[u8]) -> bool {
        begin < end && (self.cleared.overlaps(begin, end) || self.rows_in(begin, end).next().is_some())
    }

    /// Whether there are no writes.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.cleared.iter().next().is_none()
    }

    /// The written keys in order.
    pub fn rows(&self) -> impl Iterator<Item = (&Bytes, &PendingValue)> {
        self.rows.iter()
    }

    /// The cleared ranges in order; rows written after a clear are in [`Self::rows`].
    pub fn cleared(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.cleared.iter()
    }

    /// The rows of `base` (from `begin` to `end` in the given direction) merged with the writes.
    pub fn merge<'a>(&'a self, base: Rows<'a>, begin: &[u8], end: &[u8], reverse: bool) -> Rows<'a> {
        if !self.touches_range(begin, end) {
            return base;
        }
        let mut pending: Box<dyn Iterator<Item = (&Bytes, &PendingValue)> + 'a> = if reverse {
            Box::new(self.rows_in(begin, end).rev().collect::<Vec<_>>().into_iter())
        } else {
            Box::new(self.rows_in(begin, end).collect::<Vec<_>>().into_iter())
        };
        let mut next_pending = pending.next();
        let mut base = base.filter(|row| row.as_ref().map_or(true, |(key, _)| !self.is_hidden(key))).peekable();
        Box::new(std::iter::from_fn(move || {
            loop {
                let order = match (base.peek(), next_pending) {
                    (None, None) => return None,
                    (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (Some(Ok((below, _))), Some((above, _))) if reverse => above.cmp(below),
                    (Some(Ok((below, _))), Some((above, _))) => below.cmp(above),
                };
                let below = if order.is_le() { base.next() } else { None };
                let Some((key, written)) = next_pending.filter(|_| order.is_ge()) else { return below };
                next_pending = pending.next();
                let below = below.and_then(Result::ok).map(|(_, value)| value);
                if let Some(value) = written.clone().resolve(below) {
                    return Some(Ok((key.clone(), value)));
                }
            }
        }))
    }

    /// Whether the base's row at `key` was cleared.
    fn is_hidden(&self, key: &[u8]) -> bool {
        self.cleared.contains(key)
    }
}
