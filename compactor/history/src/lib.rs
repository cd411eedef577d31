//! The history file: records of one partition as Parquet, its layout, writer and reader.
//!
//! Owns: the columns, the file's metadata and checksums, and the way back from rows to Kafka batches. Does not own: which
//! files exist, where they lie, when they are written (the compactor), or caching (the gateway, through [`RangedRead`]).
//! Arrow and Parquet are named in this crate only.

pub mod file;
pub mod record;
pub mod source;
pub mod writer;

pub use file::{FileIdentity, HistoryFile, ReadError};
pub use record::{HistoryRecord, RecordHeader, TimestampType};
pub use source::{ObjectSource, RangedRead, SourceError};
pub use writer::{FinishedFile, HistoryWriter, WriteError};
