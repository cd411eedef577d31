//! The history file: records of one partition, or of several of a topic, as Parquet. Its layout, writer and reader.
//!
//! Owns: the columns, the file's metadata and checksums, and re-encoding rows as Kafka batches. Does not own: which
//! files exist, their keys, when they are written (the compactor), or caching (the gateway, through [`RangedRead`]). No
//! other crate uses Arrow or Parquet.
//!
//! Invariants: keys, values, headers, timestamps and offsets are read back exactly as written, as records and as
//! batches; no byte is decoded before its checksum is verified; any bytes give either records or an error.

mod arrow_columns;
mod batch_encoder;
mod checksum;
mod compression;
mod compute;
mod decode;
mod error;
pub mod file;
mod footer;
#[cfg(any(test, feature = "testing"))]
pub mod golden_v1;
mod identity;
mod index;
mod read_batches;
pub mod record;
mod schema;
pub mod source;
mod timestamps;
mod verified_read;
pub mod writer;

pub use batch_encoder::BATCH_BYTES_MAX;
pub use compression::HistoryCompression;
pub use compute::compute;
pub use error::ReadError;
pub use file::HistoryFile;
pub use identity::FileIdentity;
pub use record::{HistoryRecord, RecordHeader, TimestampType};
pub use source::{RangedRead, SourceError};
pub use writer::{FinishedFile, HistoryWriter, WriteError, WrittenPartition};

#[cfg(test)]
mod tests;
