//! The group coordinator: classic consumer groups and their offsets, as this agent serves them.
//!
//! Owns: one task per group in memory, which alone changes the group; the requests that wait for its answers; the
//! timers of sessions and rebalances. Does not own: the rules (`alluvium_model::group`), stored rows (the metastore),
//! Kafka's messages (`crate::kafka`).
//!
//! A request goes from [`Groups`] (`coordinator`) through the `registry` to the mailbox of a `group_task`, which
//! applies it to a `loaded_group`. `ownership` decides whether this agent may answer at all.
//!
//! Invariants:
//! - A group is in the memory of one agent only, the one that holds its lease. Answers from memory are given only while
//!   no other agent can have declared this one dead.
//! - What a member is answered was persisted first. A heartbeat touches memory only.
//! - Every waiting request is answered in the end, or its client has disconnected.
//! - A group that is not in memory can be loaded at any time, with fresh sessions and no rebalance, so that the death
//!   of a coordinator costs its groups no more than a reconnect.

mod config;
mod context;
mod coordinator;
mod counters;
mod disconnects;
mod group_task;
mod list;
mod loaded_group;
mod offsets;
mod ownership;
mod pending_replies;
mod registry;
mod request;
mod takeover;

#[cfg(test)]
mod tests;

pub use alluvium_model::group::{
    Committer, DescribedMember, Description, Generation, GroupError, InstanceId, JoinError, Joined, JoinedMember,
    Joiner, Leaver, MemberId, Protocol, Rules, Sync, Synced,
};
pub use config::GroupsConfig;
pub use coordinator::{Groups, GroupsParts};
pub use counters::GroupTotals;
pub use list::ListedGroup;
pub use offsets::{NewOffset, OffsetCommitError, OffsetDeleteError, TransactionCommit, TransactionCommitError};
