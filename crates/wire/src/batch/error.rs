//! Errors of parsing and validating a batch.

use super::Compression;

/// Why bytes are not a valid batch. Each variant names the error code that a Kafka 4.3 broker returns to Produce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// There is no batch (`INVALID_RECORD`).
    #[error("no record batch")]
    Empty,
    /// Bytes after the single batch that is allowed (`INVALID_RECORD`).
    #[error("{bytes} bytes after the one record batch that is allowed")]
    Trailing {
        /// Number of bytes after the batch.
        bytes: usize,
    },
    /// Fewer bytes than the batch's length (`CORRUPT_MESSAGE`).
    #[error("record batch of {want} bytes is cut short at {have}")]
    Truncated {
        /// Bytes present.
        have: usize,
        /// Bytes by the length field, or of a header.
        want: usize,
    },
    /// A length that no batch can have (`CORRUPT_MESSAGE`).
    #[error("record batch length {0} is out of range")]
    Length(i32),
    /// A message format other than 2 (`INVALID_RECORD`).
    #[error("magic {0} is not 2")]
    Magic(i8),
    /// The checksum does not match (`CORRUPT_MESSAGE`).
    #[error("record batch CRC is {computed:#010x} but {stored:#010x} is stored")]
    Crc {
        /// The checksum in the header.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The number of records is not positive, or not last offset delta + 1 (`INVALID_RECORD`).
    #[error("record count {count} does not match last offset delta {last_offset_delta}")]
    Count {
        /// The record count in the header.
        count: i32,
        /// The last offset delta in the header.
        last_offset_delta: i32,
    },
    /// A control batch, which only the log may write (`INVALID_RECORD`).
    #[error("control batch from a client")]
    Control,
    /// A producer id with a negative sequence (`INVALID_RECORD`).
    #[error("producer {producer_id} with base sequence {base_sequence}")]
    Sequence {
        /// The producer id in the header.
        producer_id: i64,
        /// The base sequence in the header.
        base_sequence: i32,
    },
    /// A codec number that Kafka does not define (`UNSUPPORTED_COMPRESSION_TYPE`; Kafka itself returns -1).
    #[error("unknown compression codec {0}")]
    UnknownCodec(i16),
    /// Zstandard in a Produce request older than version 7 (`UNSUPPORTED_COMPRESSION_TYPE`, KIP-110).
    #[error("zstd needs produce version 7, this is {version}")]
    ZstdTooOld {
        /// The request's version.
        version: i16,
    },
    /// The compressed bytes are damaged (`CORRUPT_MESSAGE`).
    #[error("records do not decompress as {codec:?}: {reason}")]
    Decompress {
        /// The codec in the attributes.
        codec: Compression,
        /// The error of the codec's library.
        reason: String,
    },
    /// Decompressed records exceed the limit (`MESSAGE_TOO_LARGE`).
    #[error("records decompress to more than {limit} bytes")]
    DecompressedTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A record that does not parse or does not fit its batch (`INVALID_RECORD`).
    #[error("record {index}: {reason}")]
    Record {
        /// Position of the record in the batch, from 0.
        index: i32,
        /// Why the record is invalid.
        reason: &'static str,
    },
    /// Bytes after the last record (`INVALID_RECORD`).
    #[error("{bytes} bytes after the last record")]
    TrailingRecords {
        /// Number of bytes after the last record.
        bytes: usize,
    },
}

impl BatchError {
    /// Whether the bytes were damaged in transit, rather than encoded wrongly: Kafka's `CORRUPT_MESSAGE`, which clients
    /// retry.
    #[must_use]
    pub fn is_corruption(&self) -> bool {
        match self {
            Self::Truncated { .. } | Self::Length(_) | Self::Crc { .. } | Self::Decompress { .. } => true,
            Self::Empty
            | Self::Trailing { .. }
            | Self::Magic(_)
            | Self::Count { .. }
            | Self::Control
            | Self::Sequence { .. }
            | Self::UnknownCodec(_)
            | Self::ZstdTooOld { .. }
            | Self::DecompressedTooLarge { .. }
            | Self::Record { .. }
            | Self::TrailingRecords { .. } => false,
        }
    }
}
