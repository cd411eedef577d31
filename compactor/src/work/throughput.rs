//! How fast level 0 is compacted. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use alluvium_model::Timestamp;

/// The time over which the rate is measured: several files of a large partition.
const WINDOW: Duration = Duration::from_secs(60);
/// Entries kept: swaps within a window, added up if there are more.
const ENTRIES_MAX: usize = 1_024;

/// After this time without a swap the rate is not known any more: something is wrong, or one file takes for ever.
const STALE_AFTER: Duration = Duration::from_secs(300);

/// Bytes compacted in the last minute.
#[derive(Debug, Default)]
pub(crate) struct Throughput {
    /// When a batch of files was swapped in, and the level-0 bytes that it replaced.
    swaps: VecDeque<(Timestamp, u64)>,
    /// When the one before those was.
    before: Option<Timestamp>,
    /// Since when there has been work without a pause; `None` if there is none.
    busy_since: Option<Timestamp>,
}

impl Throughput {
    /// Notes that a batch of files has replaced `bytes`.
    pub(crate) fn add(&mut self, now: Timestamp, bytes: u64) {
        let is_full = self.swaps.len() >= ENTRIES_MAX;
        match self.swaps.back_mut() {
            Some((_, last)) if is_full => *last = last.saturating_add(bytes),
            _ => self.swaps.push_back((now, bytes)),
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

    /// Bytes in a second: of the swaps of the last minute, or else of the last one, since the one before them, or since
    /// there has been work. 0 if there was none for five minutes.
    pub(crate) fn bytes_per_second(&mut self, now: Timestamp) -> u64 {
        while self.swaps.len() > 1 && self.swaps.front().is_some_and(|(at, _)| at.plus(WINDOW) < now) {
            self.before = self.swaps.pop_front().map(|(at, _)| at);
        }
        let is_stale = self.swaps.front().is_none_or(|(at, _)| at.plus(STALE_AFTER) < now);
        let Some(since) = self.busy_since.filter(|_| !is_stale) else { return 0 };
        let start = self.before.map_or(since, |before| before.max(since));
        let ms = u64::try_from(now.0.saturating_sub(start.0)).unwrap_or(0).max(1);
        let bytes = self.swaps.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
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
        assert_eq!(throughput.bytes_per_second(at(80)), 3_000 / 70);
    }

    #[test]
    fn swaps_more_than_a_minute_apart_have_a_rate_until_there_is_none_for_five() {
        let mut throughput = Throughput::default();
        throughput.set_busy(at(0), true);
        throughput.add(at(100), 1_000);
        assert_eq!(throughput.bytes_per_second(at(100)), 10);
        assert_eq!(throughput.bytes_per_second(at(199)), 5);
        throughput.add(at(200), 1_000);
        assert_eq!(throughput.bytes_per_second(at(200)), 10);
        assert_eq!(throughput.bytes_per_second(at(501)), 0, "stuck");
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
    fn many_small_swaps_are_added_up() {
        let mut throughput = Throughput::default();
        throughput.set_busy(at(0), true);
        (0..5_000).for_each(|_| throughput.add(at(1), 1));
        assert!(throughput.swaps.len() <= ENTRIES_MAX);
        assert_eq!(throughput.bytes_per_second(at(1)), 5_000);
    }
}
