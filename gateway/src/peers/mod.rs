//! Agents of one zone share what they load: each block has an owner among them, which is asked before the object store.
//!
//! Owns: which blocks can be requested ([`BlockName`]), who owns a block (`block_owner`), how an owner is asked over
//! HTTP, when the object store is read instead ([`PeerCache`]), and when the process of another agent seems to have
//! ended ([`PeerWatch`]). Does not own: how an owner answers (`fetch`), the HTTP route that it answers on (`http`), or
//! which agents are alive (the session).
//!
//! Invariants: an agent that is asked does not ask another; an owner that is slow, stopped, busy or faulty delays a
//! reader by at most [`HEDGE_AFTER`] beyond what the object store takes; an owner that failed is not asked again for
//! [`PEER_BACKOFF`]; what an owner sends is checked before it is cached; the number and the size of answers in flight
//! are bounded.

mod block_name;
mod block_owner;
mod client;
mod http_client;
mod peer_cache;
mod peer_watch;

pub use block_name::{BlockName, BlockPart, InvalidBlock, OWNERSHIP_RANGE_BLOCKS, SEGMENT_BYTES_SERVED_MAX};
pub use client::{NoPeers, PeerBlocks, PeerError};
pub use http_client::HttpPeers;
pub use peer_cache::{HEDGE_AFTER, LoadedBlock, PEER_BACKOFF, PeerCache};
pub use peer_watch::PeerWatch;

#[cfg(test)]
mod tests;
