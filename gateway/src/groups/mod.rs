//! The group coordinator: classic consumer groups and their offsets, as the agent serves them.
//!
//! Owns: one task per group in memory, which alone changes it; who waits for its answers; when sessions and rebalances run
//! out. Does not own: the rules (`alluvium_model::group`), rows (the metastore), Kafka's messages (`crate::kafka`).
//!
//! Invariants: a group is in the memory of the one agent that holds its lease, and answers from memory are given only while
//! nobody can have taken that agent for gone; what a member is told was persisted before; a heartbeat touches memory only;
//! everyone who waits is answered at last, or has hung up; a group that is not in memory can be loaded at any time, with
//! fresh sessions and no rebalance, so that the death of a coordinator costs its groups no more than a reconnect.

mod clock;
mod config;
mod coordinator;
mod counts;
mod disconnects;
mod follow;
mod list;
mod offsets;
mod owner;
mod owner_loop;
mod ownership;
mod pending_replies;
mod registry;
mod request;

#[cfg(test)]
mod tests;

pub use alluvium_model::group::{
    Committer, DescribedMember, Description, Generation, GroupError, InstanceId, JoinError, Joined, JoinedMember,
    Joiner, Leaver, MemberId, Protocol, Rules, Sync, Synced,
};
pub use config::GroupsConfig;
pub use coordinator::{Groups, GroupsParts};
pub use counts::GroupTotals;
pub use list::ListedGroup;
pub use offsets::{CommitRefusal, NewOffset, OffsetDeleteRefusal};
