//! The same requests to Alluvium and to Apache Kafka: the answers agree, except for what is listed here with its
//! reason.
//!
//! Kafka's behaviour is the specification. `ALLUVIUM_TEST_KAFKA` names the Kafka (`host:port`, one node with id 1);
//! without it the tests are ignored. A case is sent in every version that both servers advertise.

mod answer;
mod batches;
mod comparison;
mod raw;
#[path = "../e2e/server.rs"]
#[expect(
    dead_code,
    clippy::disallowed_methods,
    reason = "shared with the end-to-end tests, which ask more of it, and wait for a real process in real time"
)]
mod server;
mod side;

mod cluster;
mod committed;
mod configs;
mod fetch;
mod groups;
mod idempotence;
mod members;
mod metadata;
mod offsets;
mod produce;
mod topics;
mod transactions;
