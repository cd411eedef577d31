//! Why bytes are not a message, and why a message has no bytes.

use thiserror::Error;

/// The peer's bytes are not what they claim to be. The connection that they came from is of no further use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("{needed} bytes needed, {left} left")]
    Truncated { needed: usize, left: usize },
    #[error("a variable-length integer does not fit 32 bits")]
    VarintTooLong,
    #[error("length {0} is negative")]
    NegativeLength(i64),
    #[error("an array claims {claimed} elements with {left} bytes left")]
    ArrayTooLong { claimed: usize, left: usize },
    #[error("the arrays of one message need more memory than a message may take")]
    ArraysTooLarge,
    #[error("null where a value is required")]
    UnexpectedNull,
    #[error("field {field} is null, which version {version} does not allow")]
    NullField { field: &'static str, version: i16 },
    #[error("a string claims {0} bytes, more than Kafka's strings may have")]
    StringTooLong(usize),
    #[error("a string is not UTF-8")]
    NotUtf8,
    #[error("tagged field {tag} has another size than it claims")]
    TaggedFieldSize { tag: u32 },
    #[error("{0} bytes follow the end of the message")]
    TrailingBytes(usize),
    #[error("unknown api key {0}")]
    UnknownApi(i16),
    #[error("version {version} of {api} is not supported")]
    UnsupportedVersion { api: &'static str, version: i16 },
    #[error("frame length {length} is not within 0..={max}")]
    FrameLength { length: i32, max: usize },
}

/// One of our own messages cannot be written in the version asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    #[error("version {version} of {api} is not supported")]
    UnsupportedVersion { api: &'static str, version: i16 },
    #[error("field {field} is null, which version {version} does not allow")]
    NullField { field: &'static str, version: i16 },
    #[error("length {0} does not fit its length prefix")]
    TooLong(usize),
}
