//! The tasks of a compactor: their names, when each runs, what each has to do, and what happens if one fails.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use alluvium_metastore::leases::MaintenanceRole;
use alluvium_model::Timestamp;

use crate::CompactorConfig;

/// Wait after the first failure of a task; each later wait is twice as long.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest wait after a failure of a task that runs often.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The longest wait after a failure of a sweep, each of which is a lot of work.
const SWEEP_BACKOFF_MAX: Duration = Duration::from_secs(300);
/// Wait of retention before its first look, so that a process that just started does not delete first.
const RETENTION_START: Duration = Duration::from_secs(30);

/// One of the tasks. Each has its own clock and its own state; none waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Tails the feed.
    Index,
    /// Reads everything at the start and rarely.
    Survey,
    /// Rewrites segments into history files.
    Compaction,
    /// Moves log starts.
    Retention,
    /// Deletes retired objects.
    Deletion,
    /// Purges deleted topics.
    Topics,
    /// Trims the feed.
    Feed,
    /// Deletes orphans.
    Orphans,
    /// Deletes the windows of idle producers.
    Producers,
    /// Deletes the offsets of unused groups.
    Offsets,
    /// Deletes leases without owners.
    Leases,
}

impl Task {
    /// All tasks.
    pub(crate) const ALL: [Self; 11] = [
        Self::Index,
        Self::Survey,
        Self::Compaction,
        Self::Retention,
        Self::Deletion,
        Self::Topics,
        Self::Feed,
        Self::Orphans,
        Self::Producers,
        Self::Offsets,
        Self::Leases,
    ];

    /// Its name in logs and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Survey => "survey",
            Self::Compaction => "compaction",
            Self::Retention => "retention",
            Self::Deletion => "deletion",
            Self::Topics => "topics",
            Self::Feed => "feed",
            Self::Orphans => "orphans",
            Self::Producers => "producers",
            Self::Offsets => "offsets",
            Self::Leases => "leases",
        }
    }

    /// The role that it performs, of which one compactor at a time has the lease; `None` for what every compactor does.
    pub(crate) fn role(self) -> Option<MaintenanceRole> {
        match self {
            Self::Index | Self::Survey | Self::Compaction | Self::Leases => None,
            Self::Retention => Some(MaintenanceRole::Retention),
            Self::Deletion => Some(MaintenanceRole::Retired),
            Self::Topics => Some(MaintenanceRole::Topics),
            Self::Feed => Some(MaintenanceRole::Feed),
            Self::Orphans => Some(MaintenanceRole::Orphans),
            Self::Producers => Some(MaintenanceRole::Producers),
            Self::Offsets => Some(MaintenanceRole::Offsets),
        }
    }

    /// The pause between two passes.
    pub(crate) fn pause(self, config: &CompactorConfig) -> Duration {
        match self {
            Self::Index | Self::Survey | Self::Compaction => config.interval,
            Self::Deletion | Self::Topics | Self::Feed => config.interval,
            Self::Retention => config.retention_check_interval,
            Self::Orphans | Self::Producers | Self::Offsets | Self::Leases => config.sweep_interval,
        }
    }

    /// The pause before the first pass. Sweeps wait, or a process that restarts often would spend its time with them.
    pub(crate) fn first_pause(self, config: &CompactorConfig) -> Duration {
        match self {
            Self::Index | Self::Survey | Self::Compaction | Self::Deletion | Self::Topics | Self::Feed => {
                Duration::ZERO
            }
            Self::Retention => config.retention_check_interval.min(RETENTION_START),
            Self::Orphans | Self::Producers | Self::Offsets | Self::Leases => config.sweep_interval,
        }
    }
}

/// The wait before a task that has failed `failures` times in a row runs again; it usually pauses for `pause`.
pub(crate) fn backoff(failures: u32, pause: Duration) -> Duration {
    let max = pause.clamp(BACKOFF_MAX, SWEEP_BACKOFF_MAX);
    BACKOFF_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(max)
}

/// What a task shows of itself. Kept by the task, read by metrics.
#[derive(Debug, Default)]
pub(crate) struct TaskStatus {
    /// Work that the task knows of and has not done.
    pub(crate) backlog: AtomicU64,
    /// End of its last complete pass, ms; 0 if there was none.
    passed_at: AtomicI64,
    /// Passes that failed, and panics.
    pub(crate) failures: AtomicU64,
}

impl TaskStatus {
    pub(crate) fn set_backlog(&self, backlog: usize) {
        self.backlog.store(u64::try_from(backlog).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn set_passed(&self, now: Timestamp) {
        self.passed_at.store(now.0, Ordering::Relaxed);
    }

    /// Time since the last complete pass; `None` if there was none.
    pub(crate) fn since_pass(&self, now: Timestamp) -> Option<Duration> {
        let passed_at = Some(self.passed_at.load(Ordering::Relaxed)).filter(|passed_at| *passed_at > 0)?;
        Some(Duration::from_millis(u64::try_from(now.0.saturating_sub(passed_at)).unwrap_or(0)))
    }
}

/// What a task shows of itself, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskGauges {
    /// Its name.
    pub task: &'static str,
    /// Work that it knows of and has not done: partitions, objects, topics or rows.
    pub backlog: u64,
    /// Time since its last complete pass; `None` if there was none in this process, or another compactor has its role.
    pub since_pass: Option<Duration>,
    /// Passes that failed, and panics.
    pub failures: u64,
}

/// What each task shows of itself.
#[derive(Debug, Default)]
pub(crate) struct TaskStatuses([TaskStatus; Task::ALL.len()]);

impl TaskStatuses {
    pub(crate) fn of(&self, task: Task) -> &TaskStatus {
        &self.0[task as usize]
    }
}

impl TaskStatus {
    /// Another compactor has the role.
    pub(crate) fn reset(&self) {
        self.set_backlog(0);
        self.set_passed(Timestamp(0));
    }

    pub(crate) fn gauges(&self, task: Task, now: Timestamp) -> TaskGauges {
        TaskGauges {
            task: task.name(),
            backlog: self.backlog.load(Ordering::Relaxed),
            since_pass: self.since_pass(now),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_its_own_status() {
        for (at, task) in Task::ALL.into_iter().enumerate() {
            assert_eq!(task as usize, at, "{}", task.name());
        }
    }

    #[test]
    fn a_task_that_fails_waits_longer_each_time_up_to_a_limit() {
        let waits = |pause| [1, 2, 3, 100].map(|n| backoff(n, Duration::from_secs(pause)).as_secs());
        assert_eq!(waits(1), [1, 2, 4, 30]);
        assert_eq!(waits(3600), [1, 2, 4, 300]);
    }
}
