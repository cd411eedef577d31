//! The classic consumer group (KIP-62, 345, 394) as a pure state machine.
//!
//! Owns: the members of a group, its generation and leader, the requests that wait and their deadlines, what of that
//! must survive a restart, and when offsets expire. Does not own: clocks (every event takes `now`), randomness (member
//! ids are passed in), the storage of snapshots and offsets, the meaning of assignments, which only clients know.
//!
//! One file per event. Each event is a method of [`Group`] that returns its result at once, or [`Effects`]: replies to
//! requests that wait under a [`WaiterId`], and the [`Snapshot`] to persist *before* any of the replies is sent.
//!
//! Invariants (each checked by a property test): every waiting request is answered exactly once; generations never go
//! back; at most one assignment is given out in a generation; a restored snapshot has every member that has received an
//! answer with its generation.

mod cancel_waiter;
mod commit;
mod delete;
mod describe;
mod effects;
mod error;
mod expiry;
mod heartbeat;
mod ids;
mod join;
mod leave;
mod member;
mod offset_expiry;
mod protocol;
mod rebalance;
mod rules;
mod snapshot;
mod state;
mod static_join;
mod subscription;
mod sync;

#[cfg(test)]
mod tests;

pub use commit::Committer;
pub use describe::{DescribedMember, Description};
pub use effects::{Effects, GroupReply, JoinError, Joined, JoinedMember, Synced};
pub use error::GroupError;
pub use ids::{Generation, GroupId, InstanceId, MemberId, WaiterId};
pub use join::{Join, Joiner};
pub use leave::Leaver;
pub use member::{Member, Protocol};
pub use offset_expiry::{ExpiryRule, may_delete_expired};
pub use rules::{GROUP_BYTES_MAX, GROUP_MEMBERS_MAX, MEMBER_PROTOCOLS_MAX, NEW_MEMBER_JOIN_TIMEOUT, Rules};
pub use snapshot::{SavedMember, SavedState, Snapshot};
pub use state::{Group, State};
pub use subscription::{Subscriptions, subscribed_topics};
pub use sync::Sync;
