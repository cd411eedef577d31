//! A versioned ordered map: each key with its values, back to the oldest snapshot that is still held.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound::{Excluded, Included},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bytes::Bytes;

use crate::kv::{
    Error,
    embedded::{Batch, Rows, Snapshot, Storage, Version},
};

/// Rows copied out at first while a range is read, for many readers want one or two. The lock is not held during the
/// reader's own work.
const PAGE_ROWS_MIN: usize = 4;
/// Each page has twice the rows of the one before, up to this many.
const PAGE_ROWS_MAX: usize = 256;

#[derive(Default)]
pub(in crate::kv) struct MemoryStorage(Arc<RwLock<KeyTable>>);

#[derive(Default)]
struct KeyTable {
    version: Version,
    /// The values of each key, oldest first; `None` if it was cleared.
    rows: BTreeMap<Bytes, Vec<(Version, Option<Bytes>)>>,
    /// Keys whose older values only snapshots before that version need, oldest first.
    superseded: VecDeque<(Version, Bytes)>,
    /// Number of held snapshots of each version.
    held: BTreeMap<Version, usize>,
}

pub(in crate::kv) struct MemorySnapshot {
    table: Arc<RwLock<KeyTable>>,
    version: Version,
}

impl MemoryStorage {
    fn table(&self) -> RwLockWriteGuard<'_, KeyTable> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    type Snapshot = MemorySnapshot;

    const BLOCKS: bool = false;

    fn snapshot(&mut self) -> Result<MemorySnapshot, Error> {
        let mut table = self.table();
        let version = table.version;
        *table.held.entry(version).or_default() += 1;
        Ok(MemorySnapshot { table: self.0.clone(), version })
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), Error> {
        let mut table = self.table();
        table.version = batch.version;
        for (begin, end) in &batch.cleared {
            let rows = table.rows.range::<[u8], _>((Included(&begin[..]), Excluded(&end[..])));
            let live = rows.filter(|(_, values)| values.last().is_some_and(|(_, value)| value.is_some()));
            let keys: Vec<Bytes> = live.map(|(key, _)| key.clone()).collect();
            keys.into_iter().for_each(|key| table.put(key, None));
        }
        for (key, value) in &batch.rows {
            table.put(key.clone(), value.clone());
        }
        table.prune();
        Ok(())
    }

    fn disk_bytes(&self) -> Option<u64> {
        None
    }

    fn recover(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl KeyTable {
    fn put(&mut self, key: Bytes, value: Option<Bytes>) {
        let values = self.rows.entry(key.clone()).or_default();
        values.retain(|(version, _)| *version != self.version);
        values.push((self.version, value));
        self.superseded.push_back((self.version, key));
    }

    /// Drops the values that no held or future snapshot can see.
    fn prune(&mut self) {
        let oldest_visible = self.held.first_key_value().map_or(self.version, |(oldest, _)| *oldest);
        while let Some((_, key)) = self.superseded.pop_front_if(|(version, _)| *version <= oldest_visible) {
            let Some(values) = self.rows.get_mut(&key) else { continue };
            let visible = values.iter().rposition(|(version, _)| *version <= oldest_visible).unwrap_or(0);
            values.drain(..visible);
            if let [(version, None)] = values[..]
                && version <= oldest_visible
            {
                self.rows.remove(&key);
            }
        }
    }
}

impl MemorySnapshot {
    fn table(&self) -> RwLockReadGuard<'_, KeyTable> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn visible(&self, values: &[(Version, Option<Bytes>)]) -> Option<Bytes> {
        values.iter().rev().find(|(version, _)| *version <= self.version).and_then(|(_, value)| value.clone())
    }

    /// The next rows of a range, of which up to `limit` are looked at, and the last key of these; `None` at the end of the
    /// range.
    fn page(&self, begin: &[u8], end: &[u8], reverse: bool, limit: usize) -> (Vec<(Bytes, Bytes)>, Option<Bytes>) {
        let table = self.table();
        let rows = table.rows.range::<[u8], _>((Included(begin), Excluded(end)));
        let mut rows: Box<dyn Iterator<Item = _>> = if reverse { Box::new(rows.rev()) } else { Box::new(rows) };
        let mut page = Vec::with_capacity(limit);
        let mut last = None;
        for (key, values) in rows.by_ref().take(limit) {
            page.extend(self.visible(values).map(|value| (key.clone(), value)));
            last = Some(key);
        }
        (page, last.cloned())
    }
}

impl Snapshot for MemorySnapshot {
    fn version(&self) -> Version {
        self.version
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.table().rows.get(key).and_then(|values| self.visible(values)))
    }

    fn range(&self, begin: &[u8], end: &[u8], reverse: bool) -> Result<Rows<'_>, Error> {
        let (mut begin, mut end) = (begin.to_vec(), end.to_vec());
        let mut rows = PAGE_ROWS_MIN;
        let pages = std::iter::from_fn(move || {
            if begin >= end {
                return None;
            }
            let (page, last) = self.page(&begin, &end, reverse, rows);
            rows = (rows * 2).min(PAGE_ROWS_MAX);
            match last {
                Some(last) if reverse => end = last.to_vec(),
                Some(last) => {
                    begin = last.to_vec();
                    begin.push(0);
                }
                None => begin.clone_from(&end),
            }
            Some(page)
        });
        Ok(Box::new(pages.flatten().map(Ok)))
    }
}

impl Drop for MemorySnapshot {
    fn drop(&mut self) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = table.held.get_mut(&self.version) {
            *held -= 1;
            if *held == 0 {
                table.held.remove(&self.version);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 100;

    fn batch(version: u64) -> Batch {
        Batch { version: Version(version), cleared: Vec::new(), rows: BTreeMap::new(), in_doubt: None }
    }

    /// A store with rows `a...`, at version 1.
    fn filled() -> MemoryStorage {
        let mut storage = MemoryStorage::default();
        let rows = (0..ROWS).map(|row| (Bytes::from(format!("a{row}")), Some(Bytes::new()))).collect();
        storage.apply(&Batch { rows, ..batch(1) }).unwrap();
        storage
    }

    #[test]
    fn a_range_that_is_cleared_again_costs_no_more_than_once() {
        let mut storage = filled();
        let held = storage.snapshot().unwrap();
        let all = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
        for version in 2..50 {
            storage.apply(&Batch { cleared: vec![all.clone()], ..batch(version) }).unwrap();
        }
        assert_eq!(storage.table().superseded.len(), ROWS);
        assert_eq!(held.range(b"a", b"b", false).unwrap().count(), ROWS);
        drop(held);
        storage.apply(&batch(50)).unwrap();
        assert!(storage.table().rows.is_empty());
    }
}
