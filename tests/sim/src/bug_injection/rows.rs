//! The rows that a process with a bug has seen and written.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_metastore::{
    keyspace::{Key, Tag},
    kv::Range,
};
use bytes::Bytes;
use tokio::time::Instant;

/// The rows that a process with a bug has seen and written.
#[derive(Default)]
pub struct Rows {
    /// Calls of [`Self::is_due`].
    calls: u64,
    /// By key: the value before the last change, and the last value.
    changed: BTreeMap<Bytes, (Option<Bytes>, Option<Bytes>)>,
    /// By key: the last value, and when it was first seen.
    last_changes: BTreeMap<Bytes, (Option<Bytes>, Instant)>,
    /// Rows that the process wrote itself.
    own: BTreeMap<Bytes, Bytes>,
    /// When it wrote the first of them.
    since: Option<Instant>,
}

impl Rows {
    /// Whether the bug shows this time: one time in `every`.
    pub fn is_due(&mut self, every: u64) -> bool {
        self.calls += 1;
        self.calls.is_multiple_of(every)
    }

    /// The value of `key` before its last change that was seen; `value` is the current one.
    pub fn before(&mut self, key: &[u8], value: Option<&Bytes>) -> Option<Bytes> {
        let (before, last) = self.changed.entry(Bytes::copy_from_slice(key)).or_default();
        if last.as_ref() != value {
            *before = std::mem::replace(last, value.cloned());
        }
        before.clone()
    }

    /// Whether the value of `key`, which is `value` now, has changed within `time`, as far as the process has looked.
    pub fn changed_within(&mut self, time: Duration, key: &[u8], value: Option<&Bytes>) -> bool {
        let now = Instant::now();
        let known = self.last_changes.entry(Bytes::copy_from_slice(key)).or_insert_with(|| (value.cloned(), now));
        if known.0.as_ref() != value {
            *known = (value.cloned(), now);
        }
        known.1.elapsed() < time
    }

    /// Remembers a row that the process wrote. Returns the time since the first one.
    pub fn wrote(&mut self, key: &Bytes, value: &Bytes) -> Duration {
        self.own.insert(key.clone(), value.clone());
        self.since.get_or_insert_with(Instant::now).elapsed()
    }

    /// Removes a row that the process wrote.
    pub fn cleared(&mut self, key: &[u8]) {
        self.own.remove(key);
    }

    /// The value that the process wrote at `key`.
    pub fn own(&self, key: &[u8]) -> Option<Bytes> {
        self.own.get(key).cloned()
    }

    /// `found`, with the rows that the process wrote in place of those that are stored.
    pub fn with_own(&self, query: &Range, found: Vec<(Bytes, Bytes)>) -> Vec<(Bytes, Bytes)> {
        let mut rows: BTreeMap<Bytes, Bytes> = found.into_iter().collect();
        let own = self.own.iter().filter(|(key, _)| (&query.begin[..]..&query.end[..]).contains(&&key[..]));
        rows.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        let mut rows: Vec<_> = rows.into_iter().collect();
        if query.reverse {
            rows.reverse();
        }
        rows
    }
}

/// Whether `key` belongs to `tag`.
pub fn is(key: &[u8], tag: Tag) -> bool {
    key.starts_with(&Key::new(tag).bytes())
}
