//! When committed offsets expire, and with the last of them a group without members (KIP-211).
//!
//! ```text
//! group, offset                          expires a retention after
//! stable, offset of a subscribed topic   never
//! stable, offset of another topic        its commit
//! empty, once had members                the group became empty (all of them together)
//! empty, never had members               its commit (simple consumers)
//! subscriptions unknown, rebalancing     never
//! ```
//! An expiry time that the consumer sent with the commit takes precedence over the retention.

use std::{collections::BTreeSet, time::Duration};

use super::{SavedState, Snapshot};
use crate::{Timestamp, TopicId};

/// A group that became empty less than this ago is kept even without offsets: its coordinator may still have it in
/// memory.
const EMPTY_GROUP_AGE_MIN: Duration = Duration::from_secs(600);

/// The rule by which offsets of one group expire at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryRule {
    now: Timestamp,
    retention: Duration,
    /// The time at which the group became empty, ms; `None` if it has members or never had any.
    emptied: Option<Timestamp>,
    /// The topics whose offsets members keep.
    subscribed: BTreeSet<TopicId>,
}

impl ExpiryRule {
    /// The rule for an empty group that was last saved at `saved`.
    #[must_use]
    pub fn of_empty(group: &Snapshot, saved: Timestamp, now: Timestamp, retention: Duration) -> Self {
        let emptied = group.protocol_type.is_some().then_some(saved);
        Self { now, retention, emptied, subscribed: BTreeSet::new() }
    }

    /// The rule for a stable group whose members subscribe to the topics `subscribed`.
    #[must_use]
    pub fn of_subscribed(subscribed: BTreeSet<TopicId>, now: Timestamp, retention: Duration) -> Self {
        Self { now, retention, emptied: None, subscribed }
    }

    /// Whether an offset of `topic` has expired that was committed at `committed`, and for which the consumer may have
    /// sent the expiry time `expires`.
    #[must_use]
    pub fn has_expired(&self, topic: TopicId, committed: Timestamp, expires: Option<Timestamp>) -> bool {
        let by_retention = self.emptied.unwrap_or(committed).plus(self.retention);
        !self.subscribed.contains(&topic) && expires.unwrap_or(by_retention) <= self.now
    }
}

/// Whether a group that was last saved in `state` at `saved` may be deleted because nothing of it is left.
#[must_use]
pub fn may_delete_expired(state: SavedState, saved: Timestamp, has_offsets: bool, now: Timestamp) -> bool {
    state == SavedState::Empty && !has_offsets && saved.plus(EMPTY_GROUP_AGE_MIN) <= now
}
