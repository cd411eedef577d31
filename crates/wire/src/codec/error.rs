//! Errors of decoding and encoding messages.

use thiserror::Error;

/// Why the peer's bytes are not a message. The connection must be closed, since the next frame cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The frame ends within a value.
    #[error("{needed} bytes needed, {left} left")]
    Truncated { needed: usize, left: usize },
    /// A varint that does not fit 32 bits.
    #[error("a variable-length integer does not fit 32 bits")]
    VarintTooLong,
    /// A negative length where null is not allowed.
    #[error("length {0} is negative")]
    NegativeLength(i64),
    /// An array with more elements than the frame has bytes left.
    #[error("an array claims {claimed} elements with {left} bytes left")]
    ArrayTooLong { claimed: usize, left: usize },
    /// Arrays that would take more memory than [`ARRAY_BYTES_MAX`](super::ARRAY_BYTES_MAX).
    #[error("the arrays of one message need more memory than a message may take")]
    ArraysTooLarge,
    /// Null in a type that has no null.
    #[error("null where a value is required")]
    UnexpectedNull,
    /// Null in a version in which the field has no null.
    #[error("field {field} is null, which version {version} does not allow")]
    NullField { field: &'static str, version: i16 },
    /// A string above Kafka's limit of 32,767 bytes.
    #[error("a string claims {0} bytes, more than Kafka's strings may have")]
    StringTooLong(usize),
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    NotUtf8,
    /// A tagged field whose value does not take exactly its stated size.
    #[error("tagged field {tag} has another size than it claims")]
    TaggedFieldSize { tag: u32 },
    /// Bytes after the end of the message.
    #[error("{0} bytes follow the end of the message")]
    TrailingBytes(usize),
    /// An API key without messages here.
    #[error("unknown api key {0}")]
    UnknownApi(i16),
    /// A version that the API does not have here.
    #[error("version {version} of {api} is not supported")]
    UnsupportedVersion { api: &'static str, version: i16 },
    /// A frame length that is negative or above the limit.
    #[error("frame length {length} is not within 0..={max}")]
    FrameLength { length: i32, max: usize },
}

/// Why one of our own messages cannot be written in the requested version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A version that the API does not have here.
    #[error("version {version} of {api} is not supported")]
    UnsupportedVersion { api: &'static str, version: i16 },
    /// Null in a version in which the field has no null.
    #[error("field {field} is null, which version {version} does not allow")]
    NullField { field: &'static str, version: i16 },
    /// A value too long for its length prefix.
    #[error("length {0} does not fit its length prefix")]
    TooLong(usize),
}
