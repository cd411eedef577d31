//! The history file: records of one partition as Parquet, its layout, writer and reader.
//!
//! Owns: the columns, the file's metadata and checksums, and the way back from rows to Kafka batches. Does not own: which
//! files exist, where they lie, when they are written (the compactor), or caching (the gateway, through [`RangedRead`]).
//! Arrow and Parquet are named in this crate only.
//!
//! Invariants: what was written is read back byte for byte, by record and by batch; no byte is decoded before its checksum
//! is verified; whatever the bytes are, the answer is records or an error.

mod batches;
mod checksum;
mod columns;
mod compute;
mod decode;
mod fetch;
pub mod file;
mod index;
mod layout;
mod open;
pub mod record;
pub mod source;
pub mod writer;

pub use compute::compute;
pub use file::{FileIdentity, HistoryFile, ReadError};
pub use record::{HistoryRecord, RecordHeader, TimestampType};
pub use source::{RangedRead, SourceError};
pub use writer::{FinishedFile, HistoryWriter, WriteError};

#[cfg(test)]
mod tests;
