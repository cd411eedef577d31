//! How fast level 0 is compacted. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use alluvium_model::Timestamp;

/// The time over which the rate is measured: several jobs of a large partition.
const WINDOW: Duration = Duration::from_secs(60);
/// Entries kept: jobs that end within a window, added up if there are more.
const ENTRIES_MAX: usize = 1_024;

/// Bytes compacted in the last minute.
#[derive(Debug, Default)]
pub(crate) struct Throughput {
    /// When a job ended, and the level-0 bytes that it replaced.
    ended: VecDeque<(Timestamp, u64)>,
    /// Since when there has been work without a pause; `None` if there is none.
    busy_since: Option<Timestamp>,
}

impl Throughput {
    /// Notes that a job has replaced `bytes`.
    pub(crate) fn add(&mut self, now: Timestamp, bytes: u64) {
        let is_full = self.ended.len() >= ENTRIES_MAX;
        match self.ended.back_mut() {
            Some((_, last)) if is_full => *last = last.saturating_add(bytes),
            _ => self.ended.push_back((now, bytes)),
        }
    }

    /// Notes whether there is work.
    pub(crate) fn set_busy(&mut self, now: Timestamp, is_busy: bool) {
        // A clock that went back starts the measurement again.
        if !is_busy || self.busy_since.is_some_and(|since| since > now) {
            *self = Self { busy_since: is_busy.then_some(now), ..Self::default() };
        } else if self.busy_since.is_none() {
            self.busy_since = Some(now);
        }
    }

    /// Bytes in a second, over the last minute or the time since there has been work, if that is shorter; 0 while no
    /// job has ended within it.
    pub(crate) fn bytes_per_second(&mut self, now: Timestamp) -> u64 {
        let window = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
        let start = Timestamp(now.0.saturating_sub(window));
        while self.ended.front().is_some_and(|(at, _)| *at < start) {
            self.ended.pop_front();
        }
        let Some(since) = self.busy_since else { return 0 };
        let ms = u64::try_from(now.0.saturating_sub(since.0.max(start.0))).unwrap_or(0).max(1);
        let bytes = self.ended.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
        u64::try_from(u128::from(bytes) * 1_000 / u128::from(ms)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000)
    }

    #[test]
    fn the_rate_is_measured_since_there_has_been_work_or_over_a_minute() {
        let mut throughput = Throughput::default();
        throughput.set_busy(at(0), true);
        assert_eq!(throughput.bytes_per_second(at(5)), 0, "not known");
        throughput.add(at(10), 1_000);
        assert_eq!(throughput.bytes_per_second(at(10)), 100);
        throughput.add(at(60), 3_000);
        throughput.set_busy(at(60), true);
        assert_eq!(throughput.bytes_per_second(at(60)), 4_000 / 60);
        assert_eq!(throughput.bytes_per_second(at(80)), 3_000 / 60);
        assert_eq!(throughput.bytes_per_second(at(200)), 0, "nothing has ended within the minute");
    }

    #[test]
    fn pauses_do_not_count() {
        let mut throughput = Throughput::default();
        throughput.set_busy(at(0), true);
        throughput.add(at(10), 1_000);
        throughput.set_busy(at(10), false);
        throughput.set_busy(at(50), true);
        throughput.add(at(51), 1_000);
        assert_eq!(throughput.bytes_per_second(at(51)), 1_000);
    }

    #[test]
    fn many_small_jobs_are_added_up() {
        let mut throughput = Throughput::default();
        throughput.set_busy(at(0), true);
        (0..5_000).for_each(|_| throughput.add(at(1), 1));
        assert!(throughput.ended.len() <= ENTRIES_MAX);
        assert_eq!(throughput.bytes_per_second(at(1)), 5_000);
    }
}
