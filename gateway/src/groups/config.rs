//! The configuration and the limits of groups.

use std::time::Duration;

use alluvium_model::group::{GROUP_BYTES_MAX, GROUP_MEMBERS_MAX, Rules};

use crate::config::AgentConfig;

/// The configuration of groups; in comments, the names of Kafka's broker configs.
#[derive(Clone, Debug)]
pub struct GroupsConfig {
    /// `group.min.session.timeout.ms`, `group.max.session.timeout.ms`, `group.initial.rebalance.delay.ms` and
    /// `group.max.size`.
    pub rules: Rules,
    /// `offset.metadata.max.bytes`: the longest metadata string of a committed offset.
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

/// Groups in memory at once. Requests for further groups get the error that the coordinator is not available.
pub(super) const GROUPS_MAX: usize = 100_000;
/// Requests queued for one group's task. More wait in their connections.
pub(super) const MAILBOX_MAX: usize = 256;
/// A group without members leaves memory after this long without a request. Simple consumers commit more often than
/// that.
pub(super) const EMPTY_IDLE_MAX: Duration = Duration::from_secs(60);
/// Attempts to send a request to the group's task, which may just have left memory.
pub(super) const ASK_ATTEMPTS_MAX: usize = 5;
/// How often a commit is admitted again after the group has changed in between.
pub(super) const COMMIT_ATTEMPTS_MAX: usize = 5;
/// How long a request waits for the group's lease while another process has it: that process releases it at its next
/// heartbeat, or is declared dead. After this the request gets an error that makes the client find the coordinator
/// again.
pub(super) const LEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between two attempts to acquire a group's lease.
pub(super) const LEASE_PAUSE: Duration = Duration::from_millis(100);
/// Pause between two attempts to release a group's lease.
pub(super) const RELEASE_PAUSE: Duration = Duration::from_millis(200);
/// A group's task that runs this much later than its deadline was not running (the process was stopped, or starved).
/// Members may have sent heartbeats that were not received, so none is expired: the group is loaded again, and all its
/// members get fresh sessions.
pub(super) const STALL_MAX: Duration = Duration::from_secs(2);
/// Groups loaded at once when this agent becomes their coordinator.
pub(super) const LOADS_AT_ONCE: usize = 16;
/// Pause before groups that could not be loaded are tried again.
pub(super) const LOAD_RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Groups listed by one read.
pub(super) const LIST_PAGE: usize = 1_000;
