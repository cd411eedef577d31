//! When each record of a load is due. Latency is measured from then, not from when a busy sender sent the record, which
//! avoids coordinated omission.

/// The due times of one producer's records, in nanoseconds since the run began.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Time between two records in nanoseconds; `None` for as fast as possible.
    interval_ns: Option<f64>,
    /// Number of the next record.
    next: u64,
    /// Due time of the first record.
    offset_ns: f64,
}

impl Schedule {
    /// The schedule of producer number `producer` of `producers`, which together send `rate` records per second; a rate
    /// of 0 is as fast as possible.
    #[expect(clippy::cast_precision_loss, reason = "rates and counts are far below 2^52")]
    pub fn new(rate: u64, producer: u32, producers: u32) -> Self {
        let interval_ns = (rate > 0).then(|| 1e9 * f64::from(producers) / rate as f64);
        let offset_ns = interval_ns.map_or(0.0, |interval| interval * f64::from(producer) / f64::from(producers));
        Self { interval_ns, next: 0, offset_ns }
    }

    /// Number of records that are due at `now_ns` and not yet taken; `u64::MAX` without a rate.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a run's nanoseconds are far below 2^52; a negative float casts to 0"
    )]
    pub fn due(&self, now_ns: u64) -> u64 {
        let Some(interval_ns) = self.interval_ns else { return u64::MAX };
        let elapsed = ((now_ns as f64 - self.offset_ns) / interval_ns).floor() + 1.0;
        (elapsed as u64).saturating_sub(self.next)
    }

    /// Takes the next record and returns its due time; without a rate, `now_ns`.
    pub fn take(&mut self, now_ns: u64) -> u64 {
        let due = if self.interval_ns.is_some() { self.time(self.next) } else { now_ns };
        self.next += 1;
        due
    }

    /// The due time of the next record; without a rate, `now_ns`.
    pub fn next_ns(&self, now_ns: u64) -> u64 {
        if self.interval_ns.is_some() { self.time(self.next) } else { now_ns }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a run's nanoseconds are far below 2^52 and never negative"
    )]
    fn time(&self, number: u64) -> u64 {
        (self.offset_ns + self.interval_ns.unwrap_or(0.0) * number as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_share_the_rate_evenly_and_interleaved() {
        let mut first = Schedule::new(1_000, 0, 2);
        let mut second = Schedule::new(1_000, 1, 2);
        assert_eq!([first.take(0), first.take(0), first.take(0)], [0, 2_000_000, 4_000_000]);
        assert_eq!([second.take(0), second.take(0)], [1_000_000, 3_000_000]);
    }

    #[test]
    fn a_late_sender_finds_all_that_was_due_with_its_due_times() {
        let mut schedule = Schedule::new(1_000, 0, 1);
        assert_eq!(schedule.due(10_500_000), 11);
        assert_eq!(schedule.take(10_500_000), 0);
        assert_eq!(schedule.due(10_500_000), 10);
        assert_eq!(schedule.next_ns(10_500_000), 1_000_000);
    }

    #[test]
    fn without_a_rate_everything_is_due_now() {
        let mut schedule = Schedule::new(0, 0, 4);
        assert_eq!((schedule.due(5), schedule.take(5), schedule.next_ns(6)), (u64::MAX, 5, 6));
    }
}
