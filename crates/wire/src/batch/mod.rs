//! Kafka's record batch, format 2: the unit that is sent and stored verbatim.
//!
//! Owns: the 61-byte header, validation, re-basing and setting the append time without changing the records, iterating
//! records with a limit on decompressed bytes, and encoding batches (with exact offsets, for re-encoded history). Does
//! not own: offsets (the commit assigns them), topic rules (passed in), Kafka error codes (the handler maps
//! [`BatchError`], whose variants name the code that a Kafka broker returns).
//!
//! ```text
//! offset  bytes  field
//!      0      8  base offset              outside the CRC: assigned when read
//!      8      4  batch length             bytes after this field
//!     12      4  partition leader epoch   outside the CRC
//!     16      1  magic                    2
//!     17      4  CRC-32C                  of everything after it
//!     21      2  attributes               0-2 codec, 3 append time, 4 transactional, 5 control, 6 delete horizon
//!     23      4  last offset delta
//!     27      8  base timestamp           of the first record
//!     35      8  max timestamp
//!     43      8  producer id              -1: none
//!     51      2  producer epoch
//!     53      4  base sequence
//!     57      4  record count
//!     61         records, compressed as a whole
//! ```
//!
//! Invariants: no input causes a panic; bodies are slices of the input, never copies; decompression allocates no more
//! than its limit plus the codec's fixed working memory.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod attributes;
mod builder;
mod compression;
mod compression_type;
mod error;
mod header;
mod record;
mod record_batch;
mod records;
mod rules;
mod varint;

pub use attributes::{Attributes, TimestampType};
pub use builder::{BatchBuilder, BuildError};
pub use compression_type::Compression;
pub use error::BatchError;
pub use header::BatchHeader;
pub use record::{Header, Headers, Record};
pub use record_batch::{Batch, Batches};
pub use records::{Records, RecordsIter};
pub use rules::{RECORD_FAULTS_MAX, RecordFault, RecordFaultReason, RecordRules};

#[cfg(test)]
mod tests;
