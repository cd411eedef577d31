//! What a broken process remembers of rows.

use std::collections::BTreeMap;

use alluvium_metastore::{
    keyspace::{Key, Tag},
    kv::Range,
};
use bytes::Bytes;
use tokio::time::Instant;

/// What a broken process remembers of rows.
#[derive(Default)]
pub struct Rows {
    /// SendOptions often each bug had its chance.
    chances: u64,
    /// Per key the value before the last change, and the last value.
    changed: BTreeMap<Bytes, (Option<Bytes>, Option<Bytes>)>,
    /// What it wrote itself.
    own: BTreeMap<Bytes, Bytes>,
    /// Since when.
    since: Option<Instant>,
}

impl Rows {
    /// Whether the bug strikes this time: one time in `every`.
    pub fn strikes(&mut self, every: u64) -> bool {
        self.chances += 1;
        self.chances.is_multiple_of(every)
    }

    /// The value that `key` had before its last change that was seen, now that it has `value`.
    pub fn before(&mut self, key: &[u8], value: Option<&Bytes>) -> Option<Bytes> {
        let (before, last) = self.changed.entry(Bytes::copy_from_slice(key)).or_default();
        if last.as_ref() != value {
            *before = std::mem::replace(last, value.cloned());
        }
        before.clone()
    }

    /// Remembers what it wrote itself; how long it has done so.
    pub fn wrote(&mut self, key: &Bytes, value: &Bytes) -> std::time::Duration {
        self.own.insert(key.clone(), value.clone());
        self.since.get_or_insert_with(Instant::now).elapsed()
    }

    /// Forgets what it wrote itself.
    pub fn cleared(&mut self, key: &[u8]) {
        self.own.remove(key);
    }

    /// What it wrote itself at `key`.
    pub fn own(&self, key: &[u8]) -> Option<Bytes> {
        self.own.get(key).cloned()
    }

    /// `found`, with what it wrote itself in place of what is there.
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

/// Whether `key` is one of `tag`.
pub fn is(key: &[u8], tag: Tag) -> bool {
    key.starts_with(&Key::new(tag).bytes())
}
