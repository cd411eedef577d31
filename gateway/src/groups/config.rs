//! How groups are run.

use std::time::Duration;

use alluvium_model::group::{GROUP_BYTES_MAX, GROUP_MEMBERS_MAX, Rules};

use crate::config::AgentConfig;

/// How groups are run, named as Kafka's broker configuration.
#[derive(Clone, Debug)]
pub struct GroupsConfig {
    /// `group.min.session.timeout.ms`, `group.max.session.timeout.ms`, `group.initial.rebalance.delay.ms` and
    /// `group.max.size`.
    pub rules: Rules,
    /// `offset.metadata.max.bytes`.
    pub offset_metadata_bytes_max: usize,
}

impl Default for GroupsConfig {
    fn default() -> Self {
        Self { rules: Rules::default(), offset_metadata_bytes_max: 4_096 }
    }
}

impl From<&AgentConfig> for GroupsConfig {
    fn from(config: &AgentConfig) -> Self {
        let rules = Rules {
            session_timeout_min: config.group_session_timeout_min,
            session_timeout_max: config.group_session_timeout_max,
            initial_rebalance_delay: config.group_initial_rebalance_delay,
            size_max: config.group_size_max.min(GROUP_MEMBERS_MAX),
            bytes_max: GROUP_BYTES_MAX,
        };
        Self { rules, offset_metadata_bytes_max: config.offset_metadata_bytes_max }
    }
}

/// Groups in memory at once; more are told that the coordinator is not available.
pub(super) const GROUPS_MAX: usize = 100_000;
/// Requests that wait for one group's task; more wait in their connections.
pub(super) const MAILBOX_MAX: usize = 256;
/// A group without members leaves memory after this; simple consumers commit more often than that.
pub(super) const VACANT_KEEP: Duration = Duration::from_secs(60);
/// How often a request looks for the group's task again that had just left memory.
pub(super) const ASK_ATTEMPTS_MAX: usize = 5;
/// How often a commit is admitted again after the group moved on under it.
pub(super) const COMMIT_ATTEMPTS_MAX: usize = 5;
/// How long a request waits for the group's lease where another process still has it: it gives it up at its next
/// heartbeat, or is taken for gone. Whoever asked looks for the coordinator again then.
pub(super) const LEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two tries to get a group's lease.
pub(super) const LEASE_PAUSE: Duration = Duration::from_millis(100);
/// Between two tries to give a group's lease back.
pub(super) const RELEASE_PAUSE: Duration = Duration::from_millis(200);
/// A group's task that is as late as this was not running (the process was stopped, or starved): members may have spoken
/// without being heard, so that none is judged, and all get fresh sessions.
pub(super) const STALL_MAX: Duration = Duration::from_secs(2);
/// Groups that come into memory at once.
pub(super) const WAKES_AT_ONCE: usize = 16;
/// Until groups that did not come into memory are woken again.
pub(super) const WAKE_PAUSE: Duration = Duration::from_secs(1);
/// Groups listed by one read.
pub(super) const LIST_PAGE: usize = 1_000;
