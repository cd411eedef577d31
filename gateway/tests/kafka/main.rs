//! The Kafka protocol over TCP: an agent with in-memory stores, and raw frames as a client sends them.
//!
//! Kafka's own behaviour is the specification; "golden" responses were recorded from a Kafka 4.3.

#![expect(clippy::unwrap_used, reason = "if a helper of a test fails, the test fails")]

mod admin;
mod api_versions;
mod batches;
mod client;
mod cluster;
mod configs;
mod connections;
mod degraded;
mod fetch_sessions;
mod fetching;
mod group_offsets;
mod groups;
mod hostile;
mod list_offsets;
mod metadata;
mod producing;
mod server;
mod slow_readers;
mod topics;
