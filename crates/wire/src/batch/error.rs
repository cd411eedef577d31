//! Why a batch is not acceptable.

use super::Compression;

/// Why bytes are not an acceptable batch. Each variant names the code that a Kafka 4.3 broker answers to Produce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// No batch at all (`INVALID_RECORD`).
    #[error("no record batch")]
    Empty,
    /// More bytes after the one batch that is allowed (`INVALID_RECORD`).
    #[error("{bytes} bytes after the one record batch that is allowed")]
    Trailing {
        /// Bytes that follow.
        bytes: usize,
    },
    /// Fewer bytes than the batch says it has (`CORRUPT_MESSAGE`).
    #[error("record batch of {want} bytes is cut short at {have}")]
    Truncated {
        /// Bytes that are there.
        have: usize,
        /// Bytes that should be.
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
        /// In the header.
        stored: u32,
        /// Of the bytes.
        computed: u32,
    },
    /// The number of records is not positive, or not last offset delta + 1 (`INVALID_RECORD`).
    #[error("record count {count} does not match last offset delta {last_offset_delta}")]
    Count {
        /// In the header.
        count: i32,
        /// In the header.
        last_offset_delta: i32,
    },
    /// A control batch, which only the log itself writes (`INVALID_RECORD`).
    #[error("control batch from a client")]
    Control,
    /// A producer id with a negative sequence (`INVALID_RECORD`).
    #[error("producer {producer_id} with base sequence {base_sequence}")]
    Sequence {
        /// In the header.
        producer_id: i64,
        /// In the header.
        base_sequence: i32,
    },
    /// A codec number that Kafka does not have (`UNSUPPORTED_COMPRESSION_TYPE`; Kafka itself answers -1).
    #[error("unknown compression codec {0}")]
    UnknownCodec(i16),
    /// Zstandard in a Produce request older than version 7 (`UNSUPPORTED_COMPRESSION_TYPE`, KIP-110).
    #[error("zstd needs produce version 7, this is {version}")]
    ZstdTooOld {
        /// Of the request.
        version: i16,
    },
    /// The compressed bytes are broken (`CORRUPT_MESSAGE`).
    #[error("records do not decompress as {codec:?}: {reason}")]
    Decompress {
        /// As the attributes say.
        codec: Compression,
        /// What the codec's library says.
        reason: String,
    },
    /// Decompressed records exceed the cap (`MESSAGE_TOO_LARGE`).
    #[error("records decompress to more than {limit} bytes")]
    DecompressedTooLarge {
        /// The cap.
        limit: usize,
    },
    /// A record that does not parse or does not fit its batch (`INVALID_RECORD`).
    #[error("record {index}: {reason}")]
    Record {
        /// Which, from 0.
        index: i32,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Bytes after the last record (`INVALID_RECORD`).
    #[error("{bytes} bytes after the last record")]
    TrailingRecords {
        /// How many.
        bytes: usize,
    },
}

impl BatchError {
    /// Whether the bytes were damaged, rather than made wrongly: Kafka's `CORRUPT_MESSAGE`, which clients retry.
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
