//! HTTP: produces and reads records in the form of the REST Proxy v2; health and metrics.
//!
//! Owns: the listener, routes, bodies and their limits, the HTTP form of each error of the layers below. Does not own:
//! what requests do (`produce`, `fetch`, the metastore), what is counted (`metrics`). Only this folder uses axum.
//!
//! | route | answer |
//! |---|---|
//! | `GET /healthz`, `/readyz` | whether the process lives; whether it serves |
//! | `GET /metrics` | all metrics, for Prometheus |
//! | `GET /internal/v1/blocks/{key}?from=&to=` | bytes of an object, for other agents (`blocks`) |
//! | `GET /internal/v1/metastore/rows` | how many rows of each kind there are (`rows`) |
//! | `GET /topics` | names |
//! | `GET /topics/{topic}` | its configs and partitions |
//! | `GET /topics/{topic}/partitions`, `/topics/{topic}/partitions/{partition}` | partitions |
//! | `POST /topics/{topic}`, `/topics/{topic}/partitions/{partition}` | appends records |
//! | `GET /topics/{topic}/partitions/{partition}/records?offset=&limit=&format=` | reads records |
//!
//! Errors are `{"error_code", "message"}`, with the REST Proxy's codes if it has one; the first three digits of a code
//! are the status. [`format`] describes how values are written as JSON and read back.
//!
//! Invariants: a request is answered after its records are durable, or with an error; a rejected request has written
//! nothing; whatever a client sends, memory stays within the named limits, and only its connection is affected.

mod blocks;
mod connection;
mod error;
pub mod format;
mod health;
mod held_body;
mod listener;
mod partitioner;
mod positions;
mod produce;
mod records;
mod request_metrics;
mod routes;
mod rows;
mod scrape;
mod service;
mod status;
mod topics;

pub use crate::listen::{BindError, Listener};
pub use scrape::metric_definitions;
pub use status::ProcessStatus;
