//! HTTP over loopback TCP: an agent on stores in memory, and a client that writes its own bytes.

#![expect(clippy::unwrap_used, reason = "in tests, what cannot be read fails them")]

mod blocks;
mod client;
mod documentation;
mod health;
mod hostile;
mod metrics;
mod produce;
mod produce_rejected;
mod records;
mod rows;
mod server;
mod status;
mod topics;
