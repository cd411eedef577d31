//! The writes of recent commits, against which an attempt's reads are checked. Pure: the time is handed in.
//!
//! Invariant: it has every write of each version above `floor`. An attempt whose snapshot is older than `floor` cannot
//! be checked and is too old.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound::{Excluded, Included},
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Version, overlay::Overlay, read_set::ReadSet};
use crate::kv::{
    Error,
    limits::{TRANSACTION_AGE_MAX, WINDOW_WRITES_MAX},
};

#[derive(Debug)]
pub(super) struct ConflictWindow {
    /// The newest version whose writes were dropped.
    floor: Version,
    /// The last version that wrote each key.
    points: BTreeMap<Bytes, Version>,
    commits: VecDeque<RecentCommit>,
    /// Keys and ranges of all commits in the window.
    writes: usize,
}

#[derive(Debug)]
struct RecentCommit {
    version: Version,
    at: Instant,
    keys: Vec<Bytes>,
    cleared: Vec<(Bytes, Bytes)>,
}

impl ConflictWindow {
    /// An empty window: nothing that was written up to `floor` is known.
    pub fn new(floor: Version) -> Self {
        Self { floor, points: BTreeMap::new(), commits: VecDeque::new(), writes: 0 }
    }

    /// An error if any of `reads`, read at `version`, was written since, or if that cannot be known any more.
    pub fn check(&self, reads: &ReadSet, version: Version) -> Result<(), Error> {
        if version < self.floor {
            return Err(Error::TooOld);
        }
        let conflicts = reads.any(
            |key| {
                self.points.get(key).is_some_and(|written| *written > version)
                    || self.cleared_since(version).any(|(begin, end)| *begin <= key && key < *end)
            },
            |begin, end| {
                self.points.range::<[u8], _>((Included(begin), Excluded(end))).any(|(_, written)| *written > version)
                    || self.cleared_since(version).any(|(from, to)| *from < end && begin < *to)
            },
        );
        if conflicts { Err(Error::Conflict) } else { Ok(()) }
    }

    fn cleared_since(&self, version: Version) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        let newer = self.commits.iter().rev().take_while(move |commit| commit.version > version);
        newer.flat_map(|commit| commit.cleared.iter().map(|(begin, end)| (begin, end)))
    }

    /// Adds what `version` wrote, and drops commits that are older than any attempt may be.
    pub fn record(&mut self, version: Version, at: Instant, written: &Overlay) {
        let keys: Vec<Bytes> = written.rows().map(|(key, _)| key.clone()).collect();
        let cleared: Vec<_> = written.cleared().map(|(begin, end)| (begin.clone(), end.clone())).collect();
        self.writes += keys.len() + cleared.len();
        self.points.extend(keys.iter().map(|key| (key.clone(), version)));
        self.commits.push_back(RecentCommit { version, at, keys, cleared });
        while self
            .commits
            .front()
            .is_some_and(|oldest| self.writes > WINDOW_WRITES_MAX || at.duration_since(oldest.at) > TRANSACTION_AGE_MAX)
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(RecentCommit { version, at: _, keys, cleared }) = self.commits.pop_front() else { return };
        self.floor = version;
        self.writes -= keys.len() + cleared.len();
        for key in keys {
            if self.points.get(&key) == Some(&version) {
                self.points.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::Mutation;

    fn reads(points: &[&'static [u8]], ranges: &[(&'static [u8], &'static [u8])]) -> ReadSet {
        let mut reads = ReadSet::default();
        points.iter().for_each(|key| reads.add(key));
        ranges.iter().for_each(|(begin, end)| reads.add_range(begin, end));
        reads
    }

    fn wrote(mutations: Vec<Mutation>) -> Overlay {
        let mut overlay = Overlay::default();
        mutations.into_iter().for_each(|mutation| overlay.apply(mutation, &[]));
        overlay
    }

    fn set(key: &'static [u8]) -> Mutation {
        Mutation::Set { key: Bytes::from_static(key), value: Bytes::new() }
    }

    #[test]
    fn only_later_writes_to_what_was_read_conflict() {
        let mut window = ConflictWindow::new(Version(0));
        let now = Instant::now();
        window.record(Version(1), now, &wrote(vec![set(b"a")]));
        let clear = Mutation::ClearRange { begin: Bytes::from_static(b"m"), end: Bytes::from_static(b"p") };
        window.record(Version(2), now, &wrote(vec![set(b"b"), clear]));
        assert_eq!(window.check(&reads(&[b"a"], &[]), Version(1)), Ok(()));
        assert_eq!(window.check(&reads(&[b"a"], &[]), Version(0)), Err(Error::Conflict));
        assert_eq!(window.check(&reads(&[b"n"], &[]), Version(1)), Err(Error::Conflict));
        assert_eq!(window.check(&reads(&[b"p"], &[]), Version(1)), Ok(()));
        assert_eq!(window.check(&reads(&[], &[(b"aa", b"c")]), Version(1)), Err(Error::Conflict));
        assert_eq!(window.check(&reads(&[], &[(b"c", b"m")]), Version(1)), Ok(()));
        assert_eq!(window.check(&reads(&[], &[(b"o", b"z")]), Version(1)), Err(Error::Conflict));
        assert_eq!(window.check(&reads(&[], &[(b"a", b"z")]), Version(2)), Ok(()));
    }

    #[test]
    fn attempts_older_than_the_window_are_too_old() {
        let mut window = ConflictWindow::new(Version(0));
        let now = Instant::now();
        window.record(Version(1), now, &wrote(vec![set(b"a")]));
        let later = now + TRANSACTION_AGE_MAX * 2;
        window.record(Version(2), later, &wrote(vec![set(b"b")]));
        assert_eq!(window.check(&reads(&[b"x"], &[]), Version(0)), Err(Error::TooOld));
        assert_eq!(window.check(&reads(&[b"x"], &[]), Version(1)), Ok(()));
        assert_eq!(window.check(&reads(&[b"b"], &[]), Version(1)), Err(Error::Conflict));
        assert_eq!(window.points.len(), 1);
    }
}
