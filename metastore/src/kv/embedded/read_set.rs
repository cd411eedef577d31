//! What an attempt read with conflict detection: it must be unchanged at the commit. Pure.

use std::collections::BTreeSet;

use bytes::Bytes;

/// Keys and ranges (begin inclusive, end exclusive), and their bytes, which count towards a transaction's size.
#[derive(Debug, Default)]
pub(super) struct ReadSet {
    points: BTreeSet<Bytes>,
    ranges: Vec<(Bytes, Bytes)>,
    bytes: usize,
}

impl ReadSet {
    /// Adds one key.
    pub fn add(&mut self, key: &[u8]) {
        if !self.points.contains(key) {
            self.bytes += key.len();
            self.points.insert(Bytes::copy_from_slice(key));
        }
    }

    /// Adds the keys from `begin` (inclusive) to `end` (exclusive).
    pub fn add_range(&mut self, begin: &[u8], end: &[u8]) {
        if begin < end {
            self.bytes += begin.len() + end.len();
            self.ranges.push((Bytes::copy_from_slice(begin), Bytes::copy_from_slice(end)));
        }
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.ranges.is_empty()
    }

    /// Bytes that the reads count towards the transaction's size.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether `point` is true of any key or `range` of any range.
    pub fn any(&self, point: impl Fn(&[u8]) -> bool, range: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        self.points.iter().any(|key| point(key)) || self.ranges.iter().any(|(begin, end)| range(begin, end))
    }
}
