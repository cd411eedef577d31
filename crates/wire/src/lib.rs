//! The Kafka wire protocol: frames, messages, record batches, compression.
//!
//! Owns: the encoding of every message that a Kafka client and a broker exchange, at every supported version, and of
//! record batches. Does not own: sockets, what a request does, or which requests are served. Pure: no I/O, no clock, no
//! runtime.
//!
//! All input is chosen by a peer. So no input causes a panic, and memory is bounded by the size of the input.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod api_key;
pub mod batch;
pub mod codec;
pub mod error_code;
pub mod frame;
pub mod message;
pub mod messages;

pub use api_key::ApiKey;
pub use codec::{DecodeError, EncodeError, Reader, RecordsField, Versions, Writer};
pub use error_code::ErrorCode;
pub use message::{Direction, Message, Request};
