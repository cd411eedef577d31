//! The writes of recent commits, against which an attempt's reads are checked. Pure: the time is handed in.
//!
//! Invariant: it has every write of each version above `floor`. An attempt whose snapshot is older than `floor` cannot
//! be checked and is too old.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{Version, overlay::Overlay, read_set::ReadSet, write_tree::WriteTree};
use crate::kv::{
    Error,
    limits::{TRANSACTION_AGE_MAX, WINDOW_WRITES_MAX},
};

#[derive(Debug)]
pub(super) struct ConflictWindow {
    /// The newest version whose writes were dropped.
    floor: Version,
    /// The last version that wrote each key.
    written: WriteTree,
    commits: VecDeque<RecentCommit>,
    /// Keys and ranges of all commits in the window.
    writes: usize,
}

#[derive(Debug)]
struct RecentCommit {
    version: Version,
    at: Instant,
    /// Keys and ranges that it wrote.
    writes: usize,
}

impl ConflictWindow {
    /// An empty window: nothing that was written up to `floor` is known.
    pub fn new(floor: Version) -> Self {
        Self { floor, written: WriteTree::default(), commits: VecDeque::new(), writes: 0 }
    }

    /// An error if any of `reads`, read at `version`, was written since, or if that cannot be known any more.
    pub fn check(&self, reads: &ReadSet, version: Version) -> Result<(), Error> {
        if version < self.floor {
            return Err(Error::TooOld);
        }
        let conflicts = reads.any(
            |key| self.written.is_key_newer(key, version),
            |begin, end| self.written.is_range_newer(begin, end, version),
        );
        if conflicts { Err(Error::Conflict) } else { Ok(()) }
    }

    /// Adds what `version` wrote, and drops commits that are older than any attempt may be.
    pub fn record(&mut self, version: Version, at: Instant, written: &Overlay) {
        let mut writes = 0;
        for (begin, end) in written.cleared() {
            self.written.write_range(begin, end, version);
            writes += 1;
        }
        for (key, _) in written.rows() {
            self.written.write_key(key, version);
            writes += 1;
        }
        self.writes += writes;
        self.commits.push_back(RecentCommit { version, at, writes });
        self.drop_old(at);
    }

    fn drop_old(&mut self, now: Instant) {
        let floor = self.floor;
        while let Some(oldest) = self.commits.front() {
            if self.writes <= WINDOW_WRITES_MAX && now.duration_since(oldest.at) <= TRANSACTION_AGE_MAX {
                break;
            }
            self.floor = oldest.version;
            self.writes -= oldest.writes;
            self.commits.pop_front();
        }
        if self.floor > floor {
            self.written.forget(self.floor);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

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
    }

    /// Keys from 0 to 39 as one byte each; a range has its end excluded.
    #[derive(Clone, Debug)]
    struct Written {
        keys: Vec<u8>,
        ranges: Vec<(u8, u8)>,
    }

    fn written() -> impl Strategy<Value = Written> {
        let range = (0u8..40, 0u8..12).prop_map(|(begin, length)| (begin, begin + length));
        (proptest::collection::vec(0u8..40, 0..4), proptest::collection::vec(range, 0..3))
            .prop_map(|(keys, ranges)| Written { keys, ranges })
    }

    fn overlay(written: &Written) -> Overlay {
        let key = |number: u8| Bytes::copy_from_slice(&[number]);
        let clears = written.ranges.iter().map(|(begin, end)| (key(*begin), key(*end)));
        let clears = clears.map(|(begin, end)| Mutation::ClearRange { begin, end });
        wrote(clears.chain(written.keys.iter().map(|k| Mutation::Set { key: key(*k), value: Bytes::new() })).collect())
    }

    /// The check by comparing each read with each write of each later commit.
    fn naive(commits: &[(Version, Written)], read: &Written, version: Version) -> bool {
        commits.iter().filter(|(at, _)| *at > version).any(|(_, commit)| {
            let hits = |begin: &[u8], end: &[u8]| {
                commit.keys.iter().any(|key| begin <= &[*key][..] && &[*key][..] < end)
                    || commit.ranges.iter().any(|(from, to)| from < to && &[*from][..] < end && begin < &[*to][..])
            };
            read.keys.iter().any(|key| hits(&[*key], &[*key, 0]))
                || read.ranges.iter().any(|(begin, end)| begin < end && hits(&[*begin], &[*end]))
        })
    }

    proptest! {
        #[test]
        fn a_check_finds_what_comparing_with_every_write_finds(
            commits in proptest::collection::vec((written(), 0u64..2_000), 1..30),
            reads in proptest::collection::vec((written(), 0u64..30), 10),
        ) {
            let mut window = ConflictWindow::new(Version(0));
            let (mut now, mut kept) = (Instant::now(), Vec::new());
            for (version, (commit, pause_ms)) in (1..).map(Version).zip(commits) {
                now += std::time::Duration::from_millis(pause_ms);
                window.record(version, now, &overlay(&commit));
                kept.push((version, commit));
            }
            for (read, version) in reads {
                let version = Version(version);
                let mut set = ReadSet::default();
                read.keys.iter().for_each(|key| set.add(&[*key]));
                read.ranges.iter().for_each(|(begin, end)| set.add_range(&[*begin], &[*end]));
                let expected = if version < window.floor {
                    Err(Error::TooOld)
                } else if naive(&kept, &read, version) {
                    Err(Error::Conflict)
                } else {
                    Ok(())
                };
                prop_assert_eq!(window.check(&set, version), expected);
            }
        }
    }
}
