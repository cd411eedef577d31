//! The Kafka wire protocol: frames, messages, record batches, compression.
//!
//! Owns: the bytes of every message that a Kafka client and a broker exchange, at every version that we speak, and of
//! record batches. Does not own: sockets, what a request does, or which requests the broker answers. Pure: no I/O, no
//! clock, no runtime.
//!
//! Everything here reads bytes that a peer chose. So nothing panics on them, and no memory is taken that their own
//! number does not justify.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod api_key;
pub mod batch;
pub mod codec;
pub mod error_code;
pub mod frame;
pub mod message;
pub mod messages;

pub use api_key::ApiKey;
pub use codec::{DecodeError, EncodeError, Reader, Records, Versions, Writer};
pub use error_code::ErrorCode;
pub use message::{Direction, Message, Request};
