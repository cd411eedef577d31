//! The classic consumer group (KIP-62, 345, 394) as a pure state machine.
//!
//! Owns: who is in a group, in which generation, who leads it, who waits for what answer until when, and what of that must
//! outlive the process. Does not own: clocks (every event is handed `now`), randomness (member ids are handed in), the
//! storage of snapshots and offsets, and the meaning of assignments, which only the clients know.
//!
//! One file per event; each is a method of [`Group`] that answers at once or yields [`Effects`]: replies to requests that
//! were parked under a [`WaiterId`], and the [`Snapshot`] to persist *before* any of the replies goes out.
//!
//! Invariants (each checked by a property test): every parked request is answered exactly once; generations never go back;
//! in one generation one assignment at most is handed out; a snapshot, restored, knows every member that was told of its
//! generation.

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
