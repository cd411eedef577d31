//! Fetch sessions (KIP-227): after a complete fetch, a consumer names only the partitions whose position changed, and
//! is answered only those with news.
//!
//! Owns: which fetch belongs to which session, and the memory of sessions. Does not own: how partitions are read: a
//! fetch within a session is made complete first, and its complete response is cut down afterwards.
//!
//! Invariants: a session belongs to one connection, which has one at most, and ends with it; a full fetch opens a new
//! one or, if there is no memory for it, none, and the client goes on without. A response within a session lacks only
//! partitions that the client would learn nothing about.

mod begin;
mod connection_session;
mod partitions;

#[cfg(test)]
mod tests;

pub use connection_session::ConnectionSession;
