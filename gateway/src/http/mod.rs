//! HTTP: produce and read of records in the form of the REST Proxy v2, health, metrics.
//!
//! Owns: the listener, routes, bodies and their limits, how each error of the layers below reads in HTTP. Does not own: what
//! requests do (`produce`, `fetch`, the metastore), what is counted (`metrics`). axum is known in this folder alone.
//!
//! | route | answer |
//! |---|---|
//! | `GET /healthz`, `/readyz` | whether the process lives; whether it serves |
//! | `GET /metrics` | all numbers, for Prometheus |
//! | `GET /internal/v1/blocks/{key}?from=&to=` | bytes of an object, for other agents (`blocks`) |
//! | `GET /topics` | names |
//! | `GET /topics/{topic}`, `/topics/{topic}/partitions`, `/topics/{topic}/partitions/{partition}` | configs, partitions |
//! | `POST /topics/{topic}`, `/topics/{topic}/partitions/{partition}` | appends records |
//! | `GET /topics/{topic}/partitions/{partition}/records?offset=&limit=&format=` | reads records |
//!
//! Errors are `{"error_code", "message"}`, with the proxy's codes where it has one; the first three digits of a code are the
//! status. How values are written as JSON and back is told in [`format`].
//!
//! Invariants: a request is answered after its records are durable, or with an error; a request that is refused has written
//! nothing; whatever a peer sends, memory stays within the named limits, and only its connection is affected.

mod blocks;
mod connection;
mod error;
pub mod format;
mod health;
mod listener;
mod observations;
mod observe;
mod partitioner;
mod produce;
mod records;
mod routes;
mod scrape;
mod service;
mod topics;

pub use crate::listen::{BindError, Listener};
pub use observations::Observed;
