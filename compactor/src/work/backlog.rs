//! The partitions that have data at level 0, and when each is worth a look. Pure: fed with the entries of the feed and
//! with what was read of a partition, it answers which partition to look at.
//!
//! Partitions wait in the order in which they became due, and one that was looked at goes to the end of the queue. So
//! none waits for others that always have work.
//!
//! Only partitions with data at level 0 take memory, about 300 B each. Invariant: what is known of a partition is never
//! less than what the feed has shown of it since it was last read, because a reading and the entries of the feed are
//! applied one after the other, and an entry that the reading has seen already is ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use alluvium_model::{Extent, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};

use crate::plan::{self, Lag, Policy};

/// No time to wait for.
const NONE: Timestamp = Timestamp(0);
/// Never due.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// Level 0 of the partitions that this compactor looks after.
pub(crate) struct Backlog {
    policy: Policy,
    partitions: BTreeMap<TopicPartition, Level0>,
    /// The same partitions by the time at which to look at each, and then in the order in which that was found.
    due: BTreeSet<(Timestamp, u64, TopicPartition)>,
    /// Those that may be rewritten with slow ones before that time, by the time from which on.
    early: BTreeSet<(Timestamp, TopicPartition)>,
    /// Turns given so far.
    turns: u64,
    bytes: u64,
    extents: u64,
}

/// Level 0 of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level0 {
    lag: Lag,
    /// Of that, what could be compacted and was not planned when it was last read, and what came since.
    pending: Lag,
    /// What of it can be compacted: now, or by the jobs that run.
    readable: Lag,
    /// Start of its oldest extent.
    start: Offset,
    /// End of the newest extent that is known of: later entries of the feed begin there.
    end: Offset,
    /// When to look.
    due: Timestamp,
    /// Its place among those that are due at the same time.
    turn: u64,
    /// The last look found nothing to do: not before this time again, unless something happens.
    not_before: Timestamp,
    /// Some of its work has failed: whatever else happens, not before this time again.
    failed_until: Timestamp,
}

impl Default for Level0 {
    fn default() -> Self {
        let (lag, pending, readable) = (Lag::default(), Lag::default(), Lag::default());
        let (start, end) = (Offset(0), Offset(0));
        Self { lag, pending, readable, start, end, due: NEVER, turn: 0, not_before: NONE, failed_until: NONE }
    }
}

/// What a reading of a partition's extents found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The data at level 0.
    pub(crate) lag: Lag,
    /// Those of its extents that can be compacted and were not planned: neither unreadable nor part of a job.
    pub(crate) pending: Lag,
    /// Whether some of these are ripe, and were left to the next look because of their bytes.
    pub(crate) is_cut: bool,
    /// The data at level 0 without what cannot be read, for now or at all.
    pub(crate) readable: Lag,
    /// When something that cannot be read now may be tried again.
    pub(crate) retry: Option<Timestamp>,
    /// Start of the oldest extent at level 0.
    pub(crate) start: Offset,
    /// End of the newest extent that was read, at whatever level.
    pub(crate) end: Offset,
    /// Whether all extents up to the end of the log were read.
    pub(crate) is_whole: bool,
}

impl Backlog {
    pub(crate) fn new(policy: Policy) -> Self {
        let (partitions, due, early) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { policy, partitions, due, early, turns: 0, bytes: 0, extents: 0 }
    }

    /// Bytes and extents at level 0.
    pub(crate) fn lag(&self) -> (u64, u64) {
        (self.bytes, self.extents)
    }

    /// Bytes at level 0 of the partitions that have enough data, or old enough data, to be compacted at `now`. What cannot
    /// be read does not count.
    pub(crate) fn waiting_bytes(&self, now: Timestamp) -> u64 {
        let levels = self.partitions.values().filter(|level| self.policy.ripe_at(&level.readable) <= now);
        levels.map(|level| level.readable.bytes).fold(0, u64::saturating_add)
    }

    /// Whether a partition has been due for as long as its data may wait until it is.
    pub(crate) fn is_late(&self, now: Timestamp) -> bool {
        let due = self.due.iter().take_while(|(due, ..)| *due <= now);
        let levels = due.filter_map(|(due, _, partition)| Some((due, self.partitions.get(partition)?)));
        levels.into_iter().any(|(due, level)| due.plus(self.policy.age_of(level.pending.bytes)) <= now)
    }

    /// Age of the oldest data at level 0.
    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        let oldest = self.partitions.values().filter_map(|level| level.lag.oldest).min();
        let ms = oldest.map_or(0, |oldest| now.0.saturating_sub(oldest.0));
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// Partitions that are worth a look at `now`.
    pub(crate) fn ripe(&self, now: Timestamp) -> usize {
        self.due.iter().take_while(|(due, ..)| *due <= now).count()
    }

    /// An extent was committed; this is known since `now`.
    pub(crate) fn append(&mut self, partition: TopicPartition, extent: &Extent, now: Timestamp) {
        if !extent.is_level_0() {
            return;
        }
        let level = match self.partitions.get(&partition) {
            Some(level) if extent.offsets.end <= level.end => return,
            Some(level) if level.lag.extents > 0 => *level,
            Some(level) => Level0 { start: extent.offsets.start, ..*level },
            None => Level0 { start: extent.offsets.start, end: extent.offsets.start, ..Level0::default() },
        };
        let more = plan::lag([extent]);
        let (lag, pending, readable) = (level.lag.plus(more), level.pending.plus(more), level.readable.plus(more));
        let due = self.policy.ripe_at(&pending).max(level.not_before).max(now);
        // Never later than before: an earlier look may have been asked for, and whoever waits keeps its turn.
        self.queue(partition, Level0 { lag, pending, readable, end: extent.offsets.end, ..level }, due.min(level.due));
    }

    /// Extents were replaced, by this compactor or by another: what is left is found at the next look.
    pub(crate) fn swap(&mut self, partition: TopicPartition, inputs: &Range<Offset>, now: Timestamp) {
        self.look_again(partition, now, |level| inputs.end > level.start && inputs.start < level.end);
    }

    /// The log start moved up.
    pub(crate) fn trim(&mut self, partition: TopicPartition, start: Offset, now: Timestamp) {
        self.look_again(partition, now, |level| start > level.start);
    }

    /// Topics were created, altered or deleted.
    pub(crate) fn change_topic(&mut self, topic: TopicId, now: Timestamp) {
        let all =
            TopicPartition::new(topic, PartitionIndex(i32::MIN))..=TopicPartition::new(topic, PartitionIndex(i32::MAX));
        let partitions: Vec<TopicPartition> = self.partitions.range(all).map(|(partition, _)| *partition).collect();
        partitions.into_iter().for_each(|partition| self.look_again(partition, now, |_| true));
    }

    fn look_again(&mut self, partition: TopicPartition, now: Timestamp, is_concerned: impl Fn(&Level0) -> bool) {
        if let Some(level) = self.partitions.get(&partition).copied().filter(|level| is_concerned(level)) {
            self.queue(partition, Level0 { not_before: NONE, ..level }, level.due.min(now));
        }
    }

    /// Level 0 of a partition was read at `now`; nothing is known of it if it holds nothing. `retry` is when to look
    /// again if what was read is ripe and has still given no work.
    pub(crate) fn read(&mut self, partition: TopicPartition, reading: &Reading, retry: Timestamp, now: Timestamp) {
        let known = self.partitions.get(&partition).copied();
        let mut lag = reading.lag;
        if let Some(known) = known.filter(|_| !reading.is_whole) {
            // There is more than was read; the feed has shown at least a part of it.
            lag = Lag { bytes: lag.bytes.max(known.lag.bytes), extents: lag.extents.max(known.lag.extents), ..lag };
        }
        let readable = Lag {
            bytes: lag.bytes.saturating_sub(reading.lag.bytes.saturating_sub(reading.readable.bytes)),
            extents: lag.extents.saturating_sub(reading.lag.extents.saturating_sub(reading.readable.extents)),
            ..reading.readable
        };
        if lag.extents == 0 {
            return self.remove(partition);
        }
        let pending = reading.pending;
        // Also for what is early: a look that gave it no work is not repeated in every pass.
        let is_retried = !reading.is_cut && self.policy.early_at(&pending) <= now;
        let not_before = if is_retried { retry } else { NONE };
        let due = self.policy.ripe_at(&pending).max(not_before).min(reading.retry.unwrap_or(NEVER)).max(now);
        let end = known.map_or(reading.end, |level| level.end.max(reading.end));
        let level =
            Level0 { lag, pending, readable, start: reading.start, end, not_before, ..known.unwrap_or_default() };
        self.queue(partition, level, due);
    }

    /// Level 0 of a partition was read by a survey, and whether it has files to merge. Whoever waits keeps its turn.
    pub(crate) fn surveyed(&mut self, partition: TopicPartition, reading: &Reading, has_merges: bool, now: Timestamp) {
        let waiting =
            self.partitions.get(&partition).filter(|level| level.due <= now).map(|level| (level.due, level.turn));
        self.read(partition, reading, now, now);
        if has_merges {
            self.look_at(partition, now);
        }
        let level = self.partitions.get(&partition).copied().filter(|level| level.due <= now);
        if let (Some(level), Some((due, turn))) = (level, waiting) {
            self.insert(partition, Level0 { due, turn, ..level });
        }
    }

    /// `inputs`, in order and adjacent, are compacted: the partition is worth another look, after those that wait.
    pub(crate) fn compacted(&mut self, partition: TopicPartition, inputs: &[Extent], now: Timestamp) {
        let mut level = self.partitions.get(&partition).copied().unwrap_or_default();
        let segments = inputs.iter().filter(|extent| extent.is_level_0());
        for extent in segments {
            for lag in [&mut level.lag, &mut level.readable] {
                lag.bytes = lag.bytes.saturating_sub(extent.bytes);
                lag.extents = lag.extents.saturating_sub(1);
            }
            if extent.offsets.start <= level.start {
                level.start = level.start.max(extent.offsets.end);
            }
        }
        self.queue(partition, Level0 { not_before: NONE, ..level }, level.due.min(now));
    }

    /// Asks for a look at a partition, whether it has data at level 0 or not, at the latest at `at`.
    pub(crate) fn look_at(&mut self, partition: TopicPartition, at: Timestamp) {
        let level = self.partitions.get(&partition).copied().unwrap_or_default();
        self.queue(partition, Level0 { not_before: level.not_before.min(at), ..level }, level.due.min(at));
    }

    /// Some work of a partition has failed, or its inputs had changed: no look before `until`, whatever else happens.
    pub(crate) fn failed(&mut self, partition: TopicPartition, until: Timestamp) {
        let level = self.partitions.get(&partition).copied().unwrap_or_default();
        self.queue(partition, Level0 { failed_until: until.max(level.failed_until), ..level }, until);
    }

    /// The next partition to look at: the one that has waited longest. It is due again at `retry` unless something
    /// changes that.
    pub(crate) fn take_due(&mut self, now: Timestamp, retry: Timestamp) -> Option<TopicPartition> {
        let (_, _, partition) = *self.due.first().filter(|(due, ..)| *due <= now)?;
        self.take(partition, retry)
    }

    /// Partitions with little data that are not due at `now` and may be rewritten with slow ones that are: not more than
    /// `partitions_max`, those first that have been early for longest. What is broken or planned counts for nothing.
    pub(crate) fn early(&self, now: Timestamp, partitions_max: usize) -> Vec<TopicPartition> {
        let early = self.early.iter().take_while(|(early, _)| *early <= now).map(|(_, partition)| *partition);
        let is_due_later =
            |partition: &TopicPartition| self.partitions.get(partition).is_some_and(|level| level.due > now);
        early.filter(is_due_later).take(partitions_max).collect()
    }

    /// Takes `partition`, if anything is known of it, as [`Self::take_due`] does.
    pub(crate) fn take(&mut self, partition: TopicPartition, retry: Timestamp) -> Option<TopicPartition> {
        let level = *self.partitions.get(&partition)?;
        self.queue(partition, Level0 { not_before: retry, ..level }, retry);
        Some(partition)
    }

    /// Forgets the partitions that do not satisfy `is_wanted`.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(TopicPartition) -> bool) {
        let others: Vec<_> = self.partitions.keys().copied().filter(|partition| !is_wanted(*partition)).collect();
        others.into_iter().for_each(|partition| self.remove(partition));
    }

    /// Forgets one partition.
    pub(crate) fn remove(&mut self, partition: TopicPartition) {
        if let Some(level) = self.partitions.remove(&partition) {
            self.due.remove(&(level.due, level.turn, partition));
            self.early.remove(&(self.early_at(&level), partition));
            self.bytes = self.bytes.saturating_sub(level.lag.bytes);
            self.extents = self.extents.saturating_sub(level.lag.extents);
        }
    }

    /// The time from which on a partition may be rewritten with others.
    fn early_at(&self, level: &Level0) -> Timestamp {
        self.policy.early_at(&level.pending).max(level.not_before).max(level.failed_until)
    }

    /// Queues a partition to be looked at when it is `due`, behind all that are due then; if that was known before, it
    /// keeps its turn.
    fn queue(&mut self, partition: TopicPartition, level: Level0, due: Timestamp) {
        let due = due.max(level.failed_until);
        let is_queued = self.partitions.get(&partition).is_some_and(|known| known.due == due);
        if is_queued {
            return self.insert(partition, level);
        }
        self.turns += 1;
        self.insert(partition, Level0 { due, turn: self.turns, ..level });
    }

    fn insert(&mut self, partition: TopicPartition, level: Level0) {
        self.remove(partition);
        self.bytes = self.bytes.saturating_add(level.lag.bytes);
        self.extents = self.extents.saturating_add(level.lag.extents);
        self.due.insert((level.due, level.turn, partition));
        let early_at = self.early_at(&level);
        if early_at < level.due {
            self.early.insert((early_at, partition));
        }
        self.partitions.insert(partition, level);
    }
}
