//! The partitions that get so much data that files of their own are worth it, by what the feed shows. Pure.
//!
//! All compactors read the same entries, and count bytes in the same windows of time. A partition is large once it has
//! got, in one window, as much as makes a file of its own. It is small again after [`KEPT_WINDOWS`] in which it never got
//! a quarter of that: it does not change back and forth while it gets about as much.
//!
//! So compactors agree, except about a partition that was large before one of them began, and gets less since, or whose
//! window had begun then. If each leaves it to the other, it is overdue after [`OVERDUE_WINDOWS`], when either may take
//! it; and once that is done, it is small for both.
//!
//! Only partitions that get data take memory, about 100 B each, until the window is over.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_model::{Extent, Timestamp, TopicPartition};

use crate::assigned_work::AssignedBy;
use crate::plan::Lag;

/// Partitions remembered (20 MB). If there are more, some that are new stay small until the window is over.
const PARTITIONS_MAX: usize = 200_000;
/// The shortest window: shorter ones say nothing about what a partition gets, whatever the ages.
const WINDOW_MIN: Duration = Duration::from_secs(1);
/// What stays large gets at least the part of the bytes that makes a partition large which this is the divisor of.
const KEPT_BYTES_DIVISOR: u64 = 4;
/// Windows for which a partition that gets less stays large: as long as the smallest data waits.
const KEPT_WINDOWS: u32 = 4;
/// Windows for which data of a large partition waits before a second compactor may take it. Data is ripe after one.
const OVERDUE_WINDOWS: u32 = 3;

/// What each partition gets.
pub(crate) struct LargePartitions {
    /// Bytes of a window from which on a partition is large; if 0, all partitions are.
    bytes_min: u64,
    window: Duration,
    partitions: BTreeMap<TopicPartition, Recent>,
    /// When to look for those that are small again, or overdue.
    next_sweep: Timestamp,
}

/// What one partition gets.
#[derive(Clone, Copy)]
struct Recent {
    /// Number of the last window in which it got data.
    window: i64,
    /// What it got in that window.
    bytes: u64,
    /// Until when it is large, unless it gets more by then.
    large_until: Option<Timestamp>,
    /// Since when it has data that no compactor has compacted, about; `None` if it has none.
    waiting_since: Option<Timestamp>,
    /// Whether that is too long.
    is_overdue: bool,
}

impl LargePartitions {
    /// None yet. Data waits for `age_max` to be compacted, and makes a file of its own from `bytes_min` on.
    pub(crate) fn new(bytes_min: u64, age_max: Duration) -> Self {
        Self { bytes_min, window: age_max.max(WINDOW_MIN), partitions: BTreeMap::new(), next_sweep: Timestamp(0) }
    }

    /// By what `partition` is assigned.
    pub(super) fn assigned_by(&self, partition: TopicPartition) -> AssignedBy {
        match self.partitions.get(&partition) {
            _ if self.bytes_min == 0 => AssignedBy::Partition,
            Some(Recent { large_until: Some(_), is_overdue: true, .. }) => AssignedBy::Both,
            Some(Recent { large_until: Some(_), .. }) => AssignedBy::Partition,
            Some(_) | None => AssignedBy::Neighbourhood,
        }
    }

    /// `extent` was committed; this is known since `now`. Returns whether the partition has become large.
    pub(super) fn append(&mut self, partition: TopicPartition, extent: &Extent, now: Timestamp) -> bool {
        // The same at all compactors; but a clock that is ahead must not keep the windows from following each other.
        let arrived = extent.arrived().min(now);
        let window = arrived.0.div_euclid(self.window_ms());
        let (bytes_min, kept) = (self.bytes_min, arrived.plus(self.window * KEPT_WINDOWS));
        let Some(recent) = self.recent(partition) else { return false };
        if window > recent.window {
            (recent.window, recent.bytes) = (window, 0);
        }
        recent.bytes = recent.bytes.saturating_add(extent.bytes);
        recent.waiting_since.get_or_insert(arrived);
        let was_large = recent.large_until.is_some();
        if recent.bytes >= bytes_min || was_large && recent.bytes >= bytes_min / KEPT_BYTES_DIVISOR {
            recent.large_until = recent.large_until.max(Some(kept));
        }
        !was_large && recent.large_until.is_some()
    }

    /// `lag` is at level 0 of `partition`, as was read at `now`: with enough for a file of its own it is large.
    pub(super) fn surveyed(&mut self, partition: TopicPartition, lag: &Lag, now: Timestamp) {
        let kept = now.plus(self.window * KEPT_WINDOWS);
        if lag.bytes < self.bytes_min {
            return;
        }
        let Some(recent) = self.recent(partition) else { return };
        recent.large_until = recent.large_until.max(Some(kept));
        recent.waiting_since = recent.waiting_since.or(lag.oldest.map(|_| now));
    }

    /// Some data of `partition` was compacted. If it was overdue, perhaps only some compactors know that it is large: then
    /// it is small until it gets enough again.
    pub(super) fn compacted(&mut self, partition: TopicPartition) {
        if let Some(recent) = self.partitions.get_mut(&partition) {
            recent.large_until = recent.large_until.filter(|_| !recent.is_overdue);
            (recent.waiting_since, recent.is_overdue) = (None, false);
        }
    }

    /// Forgets what is over at `now`. Returns the partitions that are assigned by something else since the last time.
    pub(super) fn sweep(&mut self, now: Timestamp) -> Vec<TopicPartition> {
        if now < self.next_sweep {
            return Vec::new();
        }
        self.next_sweep = now.plus(self.window / 4);
        let (window, overdue) = (now.0.div_euclid(self.window_ms()), now.minus(self.window * OVERDUE_WINDOWS));
        let mut changed = Vec::new();
        self.partitions.retain(|partition, recent| {
            let was_large = recent.large_until.is_some();
            recent.large_until = recent.large_until.filter(|until| now < *until);
            let is_large = recent.large_until.is_some();
            let was_overdue = recent.is_overdue;
            recent.is_overdue = is_large && recent.waiting_since.is_some_and(|since| since <= overdue);
            if was_large != is_large || was_overdue != recent.is_overdue {
                changed.push(*partition);
            }
            is_large || recent.window >= window
        });
        changed
    }

    /// Whether a partition to which so many bytes were appended in all may be large.
    pub(super) fn may_be_large(&self, appended: u64) -> bool {
        appended >= self.bytes_min
    }

    /// What is known of `partition`; `None` if there is no room.
    fn recent(&mut self, partition: TopicPartition) -> Option<&mut Recent> {
        if self.bytes_min == 0 || self.partitions.len() >= PARTITIONS_MAX && !self.partitions.contains_key(&partition) {
            return None;
        }
        let new = Recent { window: i64::MIN, bytes: 0, large_until: None, waiting_since: None, is_overdue: false };
        Some(self.partitions.entry(partition).or_insert(new))
    }

    /// Partitions that are remembered.
    pub(super) fn len(&self) -> usize {
        self.partitions.len()
    }

    fn window_ms(&self) -> i64 {
        i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX)
    }
}
