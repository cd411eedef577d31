//! Kafka's protocol over TCP.
//!
//! Owns: the listener, connections and their request order, the table of APIs, one handler per API, and the mapping of
//! errors of the layers below to Kafka's codes. Does not own: the encoding of messages (`alluvium_wire`), and what
//! requests do (`produce`, `fetch`, `groups`, the metastore): no Kafka message exists below this folder.
//!
//! Invariants: responses of one connection leave in the order of its requests; batches of one connection join the log
//! in that order; a frame that cannot be understood closes its connection and nothing else.

mod answer_window;
mod answer_writer;
mod broker_configs;
mod config_alteration;
mod config_entries;
mod connection;
mod dispatch;
mod duplicate_check;
mod errors;
mod fetch_session;
mod frame_reader;
mod handler;
mod handlers;
mod item_answers;
mod listener;
mod rack_aware_fetch;
mod response_queue;
mod topic_lookup;
mod topology;

#[cfg(test)]
mod tests;

pub use self::connection::serve as serve_connection;
pub use crate::listen::{BindError, Listener};
