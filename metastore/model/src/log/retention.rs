//! Retention: which of the oldest extents of a partition are dropped, by time (`retention.ms`) and size
//! (`retention.bytes`).
//!
//! By time as in Kafka: consecutive extents are grouped as Kafka's roll would cut the log into its segments
//! (`segment.bytes`, `segment.ms`), from the log start on, and a group goes as a whole, once its newest record is too
//! old. So a record with an old timestamp stays as long as younger ones in the same group do. The last group, which no
//! roll has ended yet, is also kept until its newest data is that old by arrival: the end of a backfill is not
//! deleted before anybody has read it.
//!
//! By size, extent by extent: at least `retention.bytes` stay, and at most one extent more. (Kafka keeps up to one of
//! its segments more.)

use std::time::Duration;

use crate::{Extent, Offset, Timestamp, topic_config::TopicConfigs};

/// A partition as retention sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetainedLog {
    /// Log start.
    pub start: Offset,
    /// The last stable offset: extents that reach past it stay.
    pub stable: Offset,
    /// Sum of the bytes of all live extents.
    pub bytes: u64,
}

/// What is to be done about one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The offset at which the log should start.
    pub start: Offset,
    /// The time from which more may have to go by age if nothing is appended, ms; `None` if nothing ever goes by age.
    pub next_expiry: Option<Timestamp>,
}

/// The decision about one partition while its extents are added, oldest first: as many as are needed to decide.
#[derive(Clone, Debug)]
pub struct Retention<'a> {
    configs: &'a TopicConfigs,
    log: RetainedLog,
    now: Timestamp,
    /// The log start so far.
    start: Offset,
    by_size: SizeRule,
    by_time: TimeRule,
}

/// The rule of size: drops extents while enough is left without them.
#[derive(Clone, Copy, Debug)]
enum SizeRule {
    /// So many bytes are left, and so many must stay.
    Dropping {
        left: u64,
        keep: u64,
    },
    Decided,
}

/// The rule of time: drops groups while they are expired.
#[derive(Clone, Copy, Debug)]
enum TimeRule {
    /// All groups before this one are dropped; `None` before the first extent.
    Open(Duration, Option<Group>),
    /// The first group that stays expires at this time.
    Decided(Option<Timestamp>),
}

/// Consecutive extents that Kafka would have in one of its segments.
#[derive(Clone, Copy, Debug)]
struct Group {
    end: Offset,
    bytes: u64,
    /// Timestamp of its first record: `segment.ms` counts from it.
    first: Timestamp,
    /// Timestamp of its newest record.
    newest: Timestamp,
    /// When its newest object was created.
    arrived: Timestamp,
}

impl Group {
    fn of(extent: &Extent) -> Self {
        let first = timestamp_or_created(extent, extent.timestamps.0);
        let newest = timestamp_or_created(extent, extent.timestamps.1);
        Self { end: extent.offsets.end, bytes: extent.bytes, first, newest, arrived: extent.arrived() }
    }

    /// This group with `next` appended; `None` if Kafka would roll before it.
    fn with(self, next: Self, configs: &TopicConfigs) -> Option<Self> {
        let bytes = self.bytes.saturating_add(next.bytes);
        let is_in_time = next.newest <= self.first.plus(configs.segment_time);
        (bytes <= configs.segment_bytes && is_in_time).then(|| Self {
            end: next.end,
            bytes,
            first: self.first,
            newest: self.newest.max(next.newest),
            arrived: self.arrived.max(next.arrived),
        })
    }
}

/// The time of a record without a timestamp is that of its object.
fn timestamp_or_created(extent: &Extent, timestamp: Timestamp) -> Timestamp {
    if timestamp.0 < 0 { extent.arrived() } else { timestamp }
}

/// The first ms at which something is older than `keep` if it is of `time`.
fn expiry(time: Timestamp, keep: Duration) -> Timestamp {
    time.plus(keep).plus_ms(1)
}

impl<'a> Retention<'a> {
    /// The decision about `log`, to which no extent was added yet.
    #[must_use]
    pub fn new(configs: &'a TopicConfigs, log: RetainedLog, now: Timestamp) -> Self {
        let deletes = configs.cleanup.delete;
        let by_size = match configs.retention_bytes.filter(|_| deletes) {
            Some(keep) => SizeRule::Dropping { left: log.bytes, keep },
            None => SizeRule::Decided,
        };
        let by_time = match configs.retention.filter(|_| deletes) {
            Some(keep) => TimeRule::Open(keep, None),
            None => TimeRule::Decided(None),
        };
        Self { configs, log, now, start: log.start, by_size, by_time }
    }

    /// Whether further extents would not change the log start.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        let by_time = match self.by_time {
            TimeRule::Decided(_) => true,
            TimeRule::Open(keep, group) => group.is_some_and(|group| self.now < expiry(group.newest, keep)),
        };
        by_time && matches!(self.by_size, SizeRule::Decided)
    }

    /// Adds the next extent.
    pub fn push(&mut self, extent: &Extent) {
        let is_stable = extent.offsets.end <= self.log.stable;
        self.push_to_size(extent, is_stable);
        let TimeRule::Open(keep, group) = self.by_time else { return };
        let next = Group::of(extent);
        let Some(group) = group else {
            self.by_time = TimeRule::Open(keep, Some(next));
            return self.end_at_unstable(keep, is_stable);
        };
        if let Some(longer) = group.with(next, self.configs) {
            self.by_time = TimeRule::Open(keep, Some(longer));
        } else if self.now < expiry(group.newest, keep) {
            self.by_time = TimeRule::Decided(Some(expiry(group.newest, keep)));
        } else {
            self.start = self.start.max(group.end);
            self.by_time = TimeRule::Open(keep, Some(next));
        }
        self.end_at_unstable(keep, is_stable);
    }

    fn push_to_size(&mut self, extent: &Extent, is_stable: bool) {
        let SizeRule::Dropping { left, keep } = self.by_size else { return };
        let left = left.saturating_sub(extent.bytes);
        if is_stable && left >= keep {
            self.by_size = SizeRule::Dropping { left, keep };
            self.start = self.start.max(extent.offsets.end);
        } else {
            self.by_size = SizeRule::Decided;
        }
    }

    /// A group that reaches past the stable offset stays, whatever follows.
    fn end_at_unstable(&mut self, keep: Duration, is_stable: bool) {
        if let (TimeRule::Open(_, Some(group)), false) = (self.by_time, is_stable) {
            self.by_time = TimeRule::Decided(Some(expiry(group.newest, keep)));
        }
    }

    /// The decision. `is_end`: whether the extents added are all that the partition has.
    #[must_use]
    pub fn decide(self, is_end: bool) -> Decision {
        let (mut start, now) = (self.start, self.now);
        let next_expiry = match self.by_time {
            TimeRule::Decided(next_expiry) => next_expiry,
            TimeRule::Open(_, None) => None,
            TimeRule::Open(keep, Some(group)) if is_end => {
                let expiry = expiry(group.newest.max(group.arrived), keep);
                if expiry <= now {
                    start = start.max(group.end);
                }
                (expiry > now).then_some(expiry)
            }
            TimeRule::Open(keep, Some(group)) => Some(expiry(group.newest, keep)),
        };
        Decision { start, next_expiry }
    }
}
