//! Segments that could not be read but may be read later, and when each is tried again. Pure.
//!
//! The first failure is probably over by the next try, so that all that needs the segment waits for it. From the second on
//! the segment is set aside for a time that doubles with each failure: until then it is planned around, as if it were
//! broken. If no other segment could be read since the last failure, the store itself has probably failed, and the time
//! is short.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_model::{ObjectId, Timestamp};

/// Segments remembered (48 B each); if there are more, the oldest are forgotten, and their next failure counts as the first.
const FAILED_MAX: usize = 10_000;
/// The time for which a segment is set aside after its second failure.
const SET_ASIDE_MIN: Duration = Duration::from_secs(20);
/// The longest time for which a segment is set aside: a try may hold a worker for 30 s.
const SET_ASIDE_MAX: Duration = Duration::from_secs(600);
/// The longest such time while no other segment can be read.
const SET_ASIDE_ALONE_MAX: Duration = Duration::from_secs(60);

/// Segments of which a read has failed, in jobs that have ended.
#[derive(Debug, Default)]
pub(crate) struct FailedSegments(Mutex<Failed>);

#[derive(Debug, Default)]
struct Failed {
    segments: BTreeMap<ObjectId, FailedSegment>,
    /// Reads of segments that have succeeded so far.
    reads: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FailedSegment {
    failures: u32,
    /// [`Failed::reads`] at the last of them.
    reads: u64,
    /// Until when it is set aside.
    until: Timestamp,
}

impl FailedSegments {
    /// Whether `segment` could not be read by an earlier job.
    pub(crate) fn contains(&self, segment: ObjectId) -> bool {
        self.failed().segments.contains_key(&segment)
    }

    /// Until when `segment` is set aside, if it is at `now`.
    pub(crate) fn set_aside_until(&self, segment: ObjectId, now: Timestamp) -> Option<Timestamp> {
        let until = self.failed().segments.get(&segment)?.until;
        (now < until).then_some(until)
    }

    /// A job that ends at `now` could not read `segments`.
    pub(crate) fn add(&self, segments: impl IntoIterator<Item = ObjectId>, now: Timestamp) {
        let mut failed = self.failed();
        let reads = failed.reads;
        for segment in segments {
            let new = FailedSegment { failures: 0, reads, until: Timestamp(0) };
            let known = failed.segments.entry(segment).or_insert(new);
            // What a job beside found before it was set aside counts no more.
            if now >= known.until {
                known.failures = known.failures.saturating_add(1);
                known.until = now.plus(set_aside(known.failures, reads > known.reads));
                known.reads = reads;
            }
        }
        while failed.segments.len() > FAILED_MAX {
            failed.segments.pop_first();
        }
    }

    /// A job has read `segment`.
    pub(crate) fn remove(&self, segment: ObjectId) {
        let mut failed = self.failed();
        failed.reads += 1;
        failed.segments.remove(&segment);
    }

    fn failed(&self) -> MutexGuard<'_, Failed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For how long a segment is set aside after so many failures, if others `are_read`.
fn set_aside(failures: u32, are_read: bool) -> Duration {
    let Some(doublings) = failures.checked_sub(2) else { return Duration::ZERO };
    let max = if are_read { SET_ASIDE_MAX } else { SET_ASIDE_ALONE_MAX };
    SET_ASIDE_MIN.saturating_mul(1 << doublings.min(16)).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(n: i64) -> ObjectId {
        ObjectId::new(Timestamp(n), 0, 0)
    }

    #[test]
    fn segments_are_remembered_until_they_are_read_or_too_many() {
        let failed = FailedSegments::default();
        failed.add((0..3).map(segment), Timestamp(0));
        failed.remove(segment(1));
        assert_eq!([0, 1, 2].map(|n| failed.contains(segment(n))), [true, false, true]);
        failed.add((10..10 + i64::try_from(FAILED_MAX).expect("small")).map(segment), Timestamp(0));
        assert_eq!(failed.failed().segments.len(), FAILED_MAX);
        assert!(!failed.contains(segment(0)));
    }

    /// For how many seconds a segment is set aside after each of eight failures.
    fn times(are_others_read: bool) -> Vec<i64> {
        let (failed, mut now) = (FailedSegments::default(), Timestamp(1_000));
        let fail = |_| {
            failed.add([segment(1)], now);
            let until = failed.set_aside_until(segment(1), now).unwrap_or(now);
            failed.add((until > now).then(|| segment(1)), now.plus_ms(1));
            assert_eq!(failed.set_aside_until(segment(1), until), None);
            let seconds = (until.0 - now.0) / 1_000;
            now = until.plus_ms(10);
            if are_others_read {
                failed.remove(segment(2));
            }
            seconds
        };
        (0..8).map(fail).collect()
    }

    #[test]
    fn a_segment_is_set_aside_for_twice_the_time_after_each_failure() {
        assert_eq!(times(true), [0, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(times(false), [0, 20, 40, 60, 60, 60, 60, 60], "the store may have failed");
    }
}
