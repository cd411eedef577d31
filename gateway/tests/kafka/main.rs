//! The Kafka protocol over real TCP: an agent in memory, and raw frames as a client sends them.
//!
//! Kafka's own behaviour is the specification; "golden" answers are those that a Kafka 4.3 gave.

#![expect(clippy::unwrap_used, reason = "where a helper of a test fails, the test fails")]

mod admin;
mod api_versions;
mod batches;
mod client;
mod cluster;
mod configs;
mod connections;
mod fetching;
mod group_offsets;
mod groups;
mod hostile;
mod list_offsets;
mod metadata;
mod producing;
mod server;
mod topics;
