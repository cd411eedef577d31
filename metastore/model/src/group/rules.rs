//! The limits and time-outs of groups.

use std::time::Duration;

/// Members of one group, whatever is configured: it is saved in one transaction and answered in one frame.
pub const GROUP_MEMBERS_MAX: usize = 10_000;
/// Bytes of ids, metadata and assignments of one group: half of what a metastore transaction may hold.
pub const GROUP_BYTES_MAX: usize = 5_000_000;
/// Protocols that one member can support: clients send two or three, and choosing one costs the square of their number.
pub const MEMBER_PROTOCOLS_MAX: usize = 64;
/// How long the first join of a new member may wait. The member cannot send heartbeats meanwhile. Kafka's figure.
pub const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(300);

/// The configuration of groups; each field names Kafka's broker configuration.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `group.min.session.timeout.ms`: the shortest session timeout that a member may request.
    pub session_timeout_min: Duration,
    /// `group.max.session.timeout.ms`: the longest session timeout that a member may request.
    pub session_timeout_max: Duration,
    /// `group.initial.rebalance.delay.ms`: how long the first rebalance of an empty group waits for more members.
    pub initial_rebalance_delay: Duration,
    /// `group.max.size`: members of one group, at most [`GROUP_MEMBERS_MAX`].
    pub size_max: usize,
    /// Bytes of ids, metadata and assignments of one group, at most [`GROUP_BYTES_MAX`]. Not configurable in Kafka.
    pub bytes_max: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            session_timeout_min: Duration::from_secs(6),
            session_timeout_max: Duration::from_secs(1_800),
            initial_rebalance_delay: Duration::from_secs(3),
            size_max: GROUP_MEMBERS_MAX,
            bytes_max: GROUP_BYTES_MAX,
        }
    }
}
