//! Agents of one zone share what they load: each block has an owner among them, which is asked before the object store.
//!
//! Owns: what can be asked for (a [`BlockName`]), who owns it, how an owner is asked over HTTP, when the object store is
//! asked instead. Does not own: what an owner answers out of (`fetch`), the route that it answers on (`http`), who is alive
//! (the session).
//!
//! Invariants: whoever is asked asks nobody else; an owner that is slow, gone, busy or wrong costs a reader no more than
//! [`HEDGE_AFTER`] beyond what the object store takes, and one that failed is not asked again for [`PEER_BACKOFF`]; what an
//! owner answers is checked before it is kept; the number and the size of answers on their way are bounded.

mod ask;
mod block;
mod http;
mod owner;
mod peer_cache;

pub use ask::{NoPeers, PeerBlocks, PeerError};
pub use block::{BlockName, InvalidBlock, OWNERSHIP_RANGE_BLOCKS, Part, SEGMENT_BYTES_SERVED_MAX};
pub use http::HttpPeers;
pub use peer_cache::{HEDGE_AFTER, Loaded, PEER_BACKOFF, PeerCache};

#[cfg(test)]
mod tests;
