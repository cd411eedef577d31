//! Errors of reading a history file.

use alluvium_wire::batch::BuildError;

use crate::SourceError;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source failed to read the bytes.
    #[error("reading a history file: {0}")]
    Source(#[source] SourceError),
    /// The bytes are not a history file, or not the bytes that were written.
    #[error("corrupt history file: {0}")]
    Corrupt(String),
    /// The file was written by a newer Alluvium.
    #[error("history file has format version {0}, unknown here")]
    Version(String),
    /// A record does not fit into a batch.
    #[error("re-encoding history: {0}")]
    Batch(#[from] BuildError),
}

impl ReadError {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}
