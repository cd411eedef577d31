//! The partitions that have data at level 0, and when each is worth a look. Pure: fed with the entries of the feed and
//! with what was read of a partition, it answers which partition to look at.
//!
//! Only partitions with data at level 0 take memory, about 150 B each. Invariant: what is known of a partition is never
//! less than what the feed has shown of it since it was last read, because a reading and the entries of the feed are
//! applied one after the other, and an entry that the reading has seen already is ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use alluvium_model::{Extent, ExtentSource, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};

use crate::plan::{Lag, Policy};

/// Due at once.
const NOW: Timestamp = Timestamp(0);

/// Level 0 of the partitions that this compactor looks after.
pub(crate) struct Backlog {
    policy: Policy,
    partitions: BTreeMap<TopicPartition, Level0>,
    /// The same partitions by the time at which to look at each.
    due: BTreeSet<(Timestamp, TopicPartition)>,
    bytes: u64,
    extents: u64,
}

/// Level 0 of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level0 {
    lag: Lag,
    /// Bytes of it that cannot be compacted.
    broken_bytes: u64,
    /// Start of its oldest extent.
    start: Offset,
    /// End of the newest extent that is known of: later entries of the feed begin there.
    end: Offset,
    /// When to look.
    due: Timestamp,
    /// The last look found nothing to do, or its work failed: not before this time again.
    not_before: Timestamp,
}

/// What a reading of a partition's extents found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The data at level 0.
    pub(crate) lag: Lag,
    /// Those of its extents that can be compacted: neither broken nor part of a job that runs.
    pub(crate) pending: Lag,
    /// Bytes of those that cannot be read and stay at level 0.
    pub(crate) broken_bytes: u64,
    /// Start of the oldest extent at level 0.
    pub(crate) start: Offset,
    /// End of the newest extent that was read, at whatever level.
    pub(crate) end: Offset,
    /// Whether all extents up to the end of the log were read.
    pub(crate) is_whole: bool,
}

impl Backlog {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, partitions: BTreeMap::new(), due: BTreeSet::new(), bytes: 0, extents: 0 }
    }

    /// Bytes and extents at level 0.
    pub(crate) fn lag(&self) -> (u64, u64) {
        (self.bytes, self.extents)
    }

    /// Bytes at level 0 of the partitions that have enough data, or old enough data, to be compacted at `now`.
    pub(crate) fn waiting_bytes(&self, now: Timestamp) -> u64 {
        let levels = self.partitions.values().filter(|level| self.policy.ripe_at(&level.lag) <= now);
        levels.map(|level| level.lag.bytes.saturating_sub(level.broken_bytes)).fold(0, u64::saturating_add)
    }

    /// Age of the oldest data at level 0.
    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        let oldest = self.partitions.values().filter_map(|level| level.lag.oldest).min();
        let ms = oldest.map_or(0, |oldest| now.0.saturating_sub(oldest.0));
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// Partitions that are worth a look at `now`.
    pub(crate) fn ripe(&self, now: Timestamp) -> usize {
        self.due.iter().take_while(|(due, _)| *due <= now).count()
    }

    /// An extent was committed.
    pub(crate) fn append(&mut self, partition: TopicPartition, extent: &Extent) {
        if !matches!(extent.source, ExtentSource::Segment { .. }) {
            return;
        }
        let written = extent.object.created();
        let level = match self.partitions.get(&partition) {
            Some(level) if extent.offsets.end <= level.end => return,
            Some(level) if level.lag.extents > 0 => *level,
            Some(level) => Level0 { start: extent.offsets.start, ..*level },
            None => Level0 {
                lag: Lag::default(),
                broken_bytes: 0,
                start: extent.offsets.start,
                end: extent.offsets.start,
                due: Timestamp(i64::MAX),
                not_before: NOW,
            },
        };
        let lag = Lag {
            bytes: level.lag.bytes.saturating_add(extent.bytes),
            extents: level.lag.extents + 1,
            oldest: Some(level.lag.oldest.map_or(written, |oldest| oldest.min(written))),
        };
        let due = self.policy.ripe_at(&lag).max(level.not_before);
        // Never later than before: an earlier look may have been asked for.
        self.insert(partition, Level0 { lag, end: extent.offsets.end, due: due.min(level.due), ..level });
    }

    /// Extents were replaced, by this compactor or by another: what is left is found at the next look.
    pub(crate) fn swap(&mut self, partition: TopicPartition, inputs: &Range<Offset>) {
        self.look_again(partition, |level| inputs.end > level.start && inputs.start < level.end);
    }

    /// The log start moved up.
    pub(crate) fn trim(&mut self, partition: TopicPartition, start: Offset) {
        self.look_again(partition, |level| start > level.start);
    }

    /// Topics were created, altered or deleted.
    pub(crate) fn change_topic(&mut self, topic: TopicId) {
        let all =
            TopicPartition::new(topic, PartitionIndex(i32::MIN))..=TopicPartition::new(topic, PartitionIndex(i32::MAX));
        let partitions: Vec<TopicPartition> = self.partitions.range(all).map(|(partition, _)| *partition).collect();
        partitions.into_iter().for_each(|partition| self.look_again(partition, |_| true));
    }

    fn look_again(&mut self, partition: TopicPartition, is_concerned: impl Fn(&Level0) -> bool) {
        if let Some(level) = self.partitions.get(&partition).copied().filter(|level| is_concerned(level)) {
            self.insert(partition, Level0 { due: NOW, not_before: NOW, ..level });
        }
    }

    /// Level 0 of a partition was read at `now`; nothing is known of it if it holds nothing. `retry` is when to look
    /// again if what was read is ripe and has still given no work.
    pub(crate) fn read(&mut self, partition: TopicPartition, reading: &Reading, retry: Timestamp, now: Timestamp) {
        let known = self.partitions.get(&partition).copied();
        let mut lag = reading.lag;
        if !reading.is_whole {
            // There is more than was read; the feed has shown at least a part of it.
            let more = known.map_or_else(Lag::default, |level| level.lag);
            lag = Lag { bytes: lag.bytes.max(more.bytes), extents: lag.extents.max(more.extents), ..lag };
        }
        if lag.extents == 0 {
            return self.remove(partition);
        }
        let ripe_at = self.policy.ripe_at(&reading.pending);
        let not_before = if ripe_at <= now { retry } else { NOW };
        let start = reading.start;
        let end = known.map_or(reading.end, |level| level.end.max(reading.end));
        let (broken_bytes, due) = (reading.broken_bytes, ripe_at.max(not_before));
        self.insert(partition, Level0 { lag, broken_bytes, start, end, due, not_before });
    }

    /// `inputs`, in order and adjacent, are compacted: the partition is worth another look at once.
    pub(crate) fn compacted(&mut self, partition: TopicPartition, inputs: &[Extent]) {
        self.look_at(partition, NOW);
        let Some(mut level) = self.partitions.get(&partition).copied() else { return };
        let segments = inputs.iter().filter(|extent| matches!(extent.source, ExtentSource::Segment { .. }));
        for extent in segments {
            level.lag.bytes = level.lag.bytes.saturating_sub(extent.bytes);
            level.lag.extents = level.lag.extents.saturating_sub(1);
            if extent.offsets.start <= level.start {
                level.start = level.start.max(extent.offsets.end);
            }
        }
        self.insert(partition, Level0 { due: NOW, not_before: NOW, ..level });
    }

    /// Asks for a look at a partition, whether it has data at level 0 or not.
    pub(crate) fn look_at(&mut self, partition: TopicPartition, at: Timestamp) {
        let lag = Lag::default();
        let none = Level0 { lag, broken_bytes: 0, start: Offset(0), end: Offset(0), due: at, not_before: at };
        let level = self.partitions.get(&partition).copied().unwrap_or(none);
        self.insert(partition, Level0 { due: at, not_before: at, ..level });
    }

    /// The next partition to look at; it is due again at `retry` unless something changes that.
    pub(crate) fn take_due(&mut self, now: Timestamp, retry: Timestamp) -> Option<TopicPartition> {
        let (_, partition) = *self.due.first().filter(|(due, _)| *due <= now)?;
        self.take(partition, retry)
    }

    /// Partitions with so little data that they may be rewritten at `now` only together with others: not more than
    /// `partitions_max`, those first that are due first.
    pub(crate) fn early(&self, now: Timestamp, partitions_max: usize) -> Vec<TopicPartition> {
        let is_early = |partition: &TopicPartition| {
            let level = self.partitions.get(partition);
            level.is_some_and(|level| level.not_before <= now && self.policy.early_at(&level.lag) <= now)
        };
        let due_later = self.due.iter().skip_while(|(due, _)| *due <= now).map(|(_, partition)| *partition);
        due_later.filter(is_early).take(partitions_max).collect()
    }

    /// Takes `partition`, if anything is known of it, as [`Self::take_due`] does.
    pub(crate) fn take(&mut self, partition: TopicPartition, retry: Timestamp) -> Option<TopicPartition> {
        let level = *self.partitions.get(&partition)?;
        self.insert(partition, Level0 { due: retry, not_before: retry, ..level });
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
            self.due.remove(&(level.due, partition));
            self.bytes = self.bytes.saturating_sub(level.lag.bytes);
            self.extents = self.extents.saturating_sub(level.lag.extents);
        }
    }

    fn insert(&mut self, partition: TopicPartition, level: Level0) {
        self.remove(partition);
        self.bytes = self.bytes.saturating_add(level.lag.bytes);
        self.extents = self.extents.saturating_add(level.lag.extents);
        self.due.insert((level.due, partition));
        self.partitions.insert(partition, level);
    }
}
