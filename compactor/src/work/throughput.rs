//! How fast level 0 is compacted. Pure.
//!
//! A job reads for long and then replaces much at once, so what was replaced in the last minute says little. Instead each
//! job has a rate that holds for the whole time that it takes: what it has replaced in the time that this took, of
//! which its reading is a part in proportion. While a job only reads, it is taken to be as fast as those before it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use alluvium_model::Timestamp;

/// The time over which the rates of jobs, and the pauses between them, are averaged.
const WINDOW: Duration = Duration::from_secs(60);
/// Ended jobs that are remembered (32 B each), added up if there are more.
const ENDED_MAX: usize = 1_024;
/// After this time without a swap the rate is not known any more: something is wrong, or one job reads for ever. So long
/// ended jobs are remembered, and so long a job that only reads is taken to be as fast as they were.
const STALE_AFTER: Duration = Duration::from_secs(300);

/// Bytes compacted in a second.
#[derive(Debug, Default)]
pub(crate) struct Throughput {
    /// The jobs that run, as many as run at once.
    running: BTreeMap<u64, RunningJob>,
    /// Those that have replaced anything, by the time of their ends.
    ended: VecDeque<EndedJob>,
    /// When bytes were last replaced.
    last_swap: Option<Timestamp>,
    /// Since when there has been work without a pause; `None` if there is none.
    busy_since: Option<Timestamp>,
    /// Jobs begun so far.
    begun: u64,
}

#[derive(Clone, Copy, Debug)]
struct RunningJob {
    began: Timestamp,
    /// Bytes of level 0 that it reads.
    bytes_total: u64,
    /// Of these, what it has replaced.
    bytes: u64,
    /// When it replaced the first of them.
    first_swap: Option<Timestamp>,
}

/// One or several jobs that have ended.
#[derive(Clone, Copy, Debug)]
struct EndedJob {
    began: Timestamp,
    ended: Timestamp,
    bytes: u64,
    /// The sum of the times that they took, ms.
    ms: u64,
}

impl Throughput {
    /// A job begins that reads `bytes` of level 0. Returns its number.
    pub(crate) fn begin(&mut self, now: Timestamp, bytes: u64) -> u64 {
        self.begun += 1;
        let job = RunningJob { began: now, bytes_total: bytes, bytes: 0, first_swap: None };
        self.running.insert(self.begun, job);
        self.begun
    }

    /// Notes that a batch of files of `job` has replaced `bytes` of level 0. Merges replace none.
    pub(crate) fn add(&mut self, job: u64, now: Timestamp, bytes: u64) {
        if let Some(job) = self.running.get_mut(&job).filter(|_| bytes > 0) {
            job.bytes = job.bytes.saturating_add(bytes);
            job.first_swap.get_or_insert(now);
            self.last_swap = Some(now);
        }
    }

    /// `job` has ended.
    pub(crate) fn end(&mut self, job: u64, now: Timestamp) {
        let Some(RunningJob { began, bytes, .. }) = self.running.remove(&job).filter(|job| job.bytes > 0) else {
            return;
        };
        let (ms, is_full) = (ms_between(began, now), self.ended.len() >= ENDED_MAX);
        match self.ended.back_mut() {
            Some(last) if is_full => {
                last.began = last.began.min(began);
                last.ended = last.ended.max(now);
                last.bytes = last.bytes.saturating_add(bytes);
                last.ms = last.ms.saturating_add(ms);
            }
            _ => self.ended.push_back(EndedJob { began, ended: now, bytes, ms }),
        }
    }

    /// Forgets the jobs that run, after they were stopped.
    pub(crate) fn stop(&mut self) {
        self.running.clear();
    }

    /// Notes whether there is work.
    pub(crate) fn set_busy(&mut self, now: Timestamp, is_busy: bool) {
        if self.busy_since.is_some_and(|since| since > now) {
            // A clock that went back starts the measurement again.
            *self = Self { busy_since: Some(now), begun: self.begun, ..Self::default() };
        }
        self.busy_since = if is_busy { self.busy_since.or(Some(now)) } else { None };
    }

    /// Bytes in a second, over the last minute or since there has been work. 0 if it is not known: nothing was replaced
    /// yet, or nothing for five minutes.
    pub(crate) fn bytes_per_second(&mut self, now: Timestamp) -> u64 {
        while self.ended.front().is_some_and(|job| job.ended.plus(STALE_AFTER) < now) {
            self.ended.pop_front();
        }
        let is_stale = self.last_swap.is_none_or(|at| at.plus(STALE_AFTER) < now);
        let Some(since) = self.busy_since.filter(|_| !is_stale) else { return 0 };
        let window_ms = ms_between(since, now).min(ms_of(WINDOW)).max(1);
        let start = Timestamp(now.0.saturating_sub(i64::try_from(window_ms).unwrap_or(i64::MAX)));
        let presumed = self.rate_of_ended();
        let running = self.running.values().map(|job| bytes_of(job.rate(now, presumed), job.began.max(start), now));
        let ended = self.ended.iter().map(|job| {
            bytes_of(per_second(job.bytes, ms_between(job.began, job.ended)), job.began.max(start), job.ended)
        });
        per_second(running.chain(ended).fold(0, u64::saturating_add), window_ms)
    }

    /// The rate of one job, by those that have ended, bytes in a second.
    fn rate_of_ended(&self) -> u64 {
        let sum =
            |(bytes, ms): (u64, u64), job: &EndedJob| (bytes.saturating_add(job.bytes), ms.saturating_add(job.ms));
        let (bytes, ms) = self.ended.iter().fold((0, 0), sum);
        per_second(bytes, ms)
    }
}

impl RunningJob {
    /// Bytes in a second since it began; `presumed` until it has replaced anything, unless it is a merge, which never does.
    fn rate(&self, now: Timestamp, presumed: u64) -> u64 {
        let Some(first_swap) = self.first_swap else {
            let is_reading = self.bytes_total > 0 && now <= self.began.plus(STALE_AFTER);
            return if is_reading { presumed } else { 0 };
        };
        let read_ms = u128::from(ms_between(self.began, first_swap)) * u128::from(self.bytes.min(self.bytes_total))
            / u128::from(self.bytes_total.max(1));
        let ms = u64::try_from(read_ms).unwrap_or(u64::MAX).saturating_add(ms_between(first_swap, now));
        per_second(self.bytes, ms)
    }
}

/// What is replaced from `from` to `to` at `rate` bytes in a second.
fn bytes_of(rate: u64, from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(u128::from(rate) * u128::from(ms_between(from, to)) / 1_000).unwrap_or(u64::MAX)
}

fn per_second(bytes: u64, ms: u64) -> u64 {
    u64::try_from(u128::from(bytes) * 1_000 / u128::from(ms.max(1))).unwrap_or(u64::MAX)
}

/// 0 if the clock went back.
fn ms_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0)
}

fn ms_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000)
    }

    fn busy_at(seconds: i64) -> Throughput {
        let mut throughput = Throughput::default();
        throughput.set_busy(at(seconds), true);
        throughput
    }

    /// A job that replaces all its `bytes` at its end.
    fn run(throughput: &mut Throughput, began: i64, ended: i64, bytes: u64) {
        let job = throughput.begin(at(began), bytes);
        throughput.add(job, at(ended), bytes);
        throughput.end(job, at(ended));
    }

    #[test]
    fn the_rate_is_measured_since_there_has_been_work_or_over_a_minute() {
        let mut throughput = busy_at(0);
        assert_eq!(throughput.bytes_per_second(at(5)), 0, "not known");
        run(&mut throughput, 0, 10, 1_000);
        assert_eq!(throughput.bytes_per_second(at(10)), 100);
        assert_eq!(throughput.bytes_per_second(at(20)), 50, "a pause counts while there is work");
        run(&mut throughput, 20, 60, 4_000);
        throughput.set_busy(at(60), true);
        assert_eq!(throughput.bytes_per_second(at(60)), 5_000 / 60);
        assert_eq!(throughput.bytes_per_second(at(80)), 4_000 / 60);
        let (one, other) = (throughput.begin(at(80), 1_000), throughput.begin(at(80), 1_000));
        for job in [one, other] {
            throughput.add(job, at(140), 600);
            throughput.end(job, at(140));
        }
        assert_eq!(throughput.bytes_per_second(at(140)), 20, "those side by side are added up");
    }

    /// Two workers, each with jobs of 128 MiB: 180 s of reads, then 128 batches of 1 MiB in 51 s.
    #[test]
    fn the_rate_of_jobs_that_read_for_minutes_stays_near_their_mean() {
        let mut throughput = busy_at(0);
        let mut announced = Vec::new();
        let mut jobs: [Option<(u64, i64)>; 2] = [None, None];
        for tick in 0..10_000_i64 {
            let now = Timestamp(tick * 200);
            for (job, delay) in jobs.iter_mut().zip([0, 70_000]) {
                if job.is_none() && now.0 >= delay {
                    *job = Some((throughput.begin(now, 128 * MIB), now.0));
                }
                let Some((number, began)) = *job else { continue };
                let ms = now.0 - began;
                if ms > 180_000 && ms % 400 == 0 {
                    throughput.add(number, now, MIB);
                }
                if ms == 180_000 + 128 * 400 {
                    throughput.end(number, now);
                    *job = None;
                }
            }
            announced.extend((now.0 > 350_000).then(|| throughput.bytes_per_second(now)));
        }
        let mean = 2 * 128 * MIB * 1_000 / (180_000 + 128 * 400);
        let (lowest, highest) = (*announced.iter().min().expect("some"), *announced.iter().max().expect("some"));
        assert!(lowest > mean / 2 && highest < mean * 3 / 2, "{lowest} to {highest}, the mean is {mean}");
    }

    #[test]
    fn the_first_batch_of_the_first_job_counts_with_its_part_of_the_reading() {
        let mut throughput = busy_at(0);
        let job = throughput.begin(at(0), 100 * MIB);
        assert_eq!(throughput.bytes_per_second(at(180)), 0, "not known");
        throughput.add(job, at(200), MIB);
        assert_eq!(throughput.bytes_per_second(at(200)), MIB / 2);
        assert_eq!(throughput.bytes_per_second(at(202)), MIB / 4);
    }

    #[test]
    fn jobs_without_bytes_change_nothing() {
        let mut throughput = busy_at(0);
        run(&mut throughput, 0, 50, 50 * MIB);
        let reading = throughput.begin(at(50), 50 * MIB);
        run(&mut throughput, 50, 55, 0);
        throughput.add(reading, at(60), 0);
        assert_eq!(throughput.bytes_per_second(at(60)), MIB);
        assert_eq!(throughput.bytes_per_second(at(120)), MIB);
    }

    /// One worker, by turns with a rewrite of 60 MiB in 60 s and a merge of 20 s.
    #[test]
    fn a_merge_is_not_taken_to_replace_anything_while_it_runs() {
        let mut throughput = busy_at(0);
        let mut announced = Vec::new();
        for turn in 0..10 {
            let began = turn * 80;
            run(&mut throughput, began, began + 60, 60 * MIB);
            let merge = throughput.begin(at(began + 60), 0);
            announced.extend((60..80).map(|second| throughput.bytes_per_second(at(began + second))));
            throughput.end(merge, at(began + 80));
        }
        let (lowest, highest) = (*announced.iter().min().expect("some"), *announced.iter().max().expect("some"));
        assert_eq!((highest, lowest), (MIB, MIB * 41 / 60), "a merge is a pause");
    }

    #[test]
    fn a_rate_is_known_until_nothing_was_replaced_for_five_minutes() {
        let mut throughput = busy_at(0);
        run(&mut throughput, 0, 100, 1_000);
        throughput.begin(at(100), 1_000);
        assert_eq!(throughput.bytes_per_second(at(399)), 10, "taken to be as fast as the one before");
        assert_eq!(throughput.bytes_per_second(at(401)), 0, "stuck");
        run(&mut throughput, 400, 410, 1_000);
        assert!(throughput.bytes_per_second(at(410)) < 20, "the stuck one counts for nothing");
    }

    #[test]
    fn pauses_without_work_do_not_count() {
        let mut throughput = busy_at(0);
        run(&mut throughput, 0, 10, 1_000);
        throughput.set_busy(at(10), false);
        assert_eq!(throughput.bytes_per_second(at(11)), 0);
        throughput.set_busy(at(50), true);
        run(&mut throughput, 50, 51, 1_000);
        assert_eq!(throughput.bytes_per_second(at(51)), 1_000);
    }

    #[test]
    fn many_small_jobs_are_added_up_and_stopped_ones_are_forgotten() {
        let mut throughput = busy_at(0);
        (0..5_000).for_each(|_| run(&mut throughput, 0, 1, 1));
        assert!(throughput.ended.len() <= ENDED_MAX);
        assert_eq!(throughput.bytes_per_second(at(1)), 5_000);
        throughput.begin(at(1), 1);
        throughput.stop();
        assert!(throughput.running.is_empty());
    }
}
