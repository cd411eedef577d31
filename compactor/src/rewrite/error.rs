//! Errors of a rewrite, and which of them are caused by its input.

use alluvium_history::{ReadError, WriteError};
use alluvium_metastore::log::SwapError;
use alluvium_model::{Extent, ObjectId, Timestamp};
use alluvium_objects::ErrorKind;
use thiserror::Error;

use super::segment_run::RunError;

/// Why a rewrite failed. A later round plans it again.
#[derive(Debug, Error)]
pub(crate) enum RewriteError {
    /// The object store failed.
    #[error(transparent)]
    Objects(#[from] alluvium_objects::Error),
    /// A segment's batches cannot be decoded.
    #[error("segment {0}: {1}")]
    Run(ObjectId, RunError),
    /// A history file cannot be read.
    #[error("history file {0}: {1}")]
    Read(ObjectId, ReadError),
    /// A history file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The output is so old that the orphan sweep may delete it.
    #[error("output {0}, started at {1} ms, took too long to be swapped in")]
    TooOld(ObjectId, Timestamp),
    /// The swap was rejected, or its outcome is unknown.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// It is not known which transactions were aborted.
    #[error("reading aborted transactions: {0}")]
    Aborted(#[from] alluvium_metastore::Error),
    /// The process is stopping.
    #[error("stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// Why a file was not built.
pub(crate) struct BuildFailure {
    /// What failed.
    pub(crate) error: RewriteError,
    /// The input that was read when it failed, if any.
    pub(crate) input: Option<Box<Extent>>,
}

impl RewriteError {
    /// The input that cannot be read, if that is why.
    pub(crate) fn object(&self) -> Option<ObjectId> {
        match self {
            Self::Run(object, _) | Self::Read(object, _) => Some(*object),
            Self::Objects(_)
            | Self::Write(_)
            | Self::TooOld(..)
            | Self::Swap(_)
            | Self::Aborted(_)
            | Self::Stopped(_) => None,
        }
    }

    /// Whether the input itself is damaged or missing, so that trying again cannot help.
    pub(crate) fn is_caused_by_input(&self) -> bool {
        match self {
            Self::Run(..) | Self::Read(_, ReadError::Corrupt(_) | ReadError::Version(_) | ReadError::Batch(_)) => true,
            Self::Objects(error) => !error.is_retryable() && concerns_one_object(error),
            Self::Read(_, ReadError::Source(_)) if self.is_missing_input() => true,
            Self::Write(error) => matches!(error, WriteError::TooLarge { .. }),
            Self::Read(_, ReadError::Source(_))
            | Self::TooOld(..)
            | Self::Swap(_)
            | Self::Aborted(_)
            | Self::Stopped(_) => false,
        }
    }

    /// Whether an input was not in the bucket any more.
    pub(crate) fn is_missing_input(&self) -> bool {
        let error = match self {
            Self::Objects(error) => Some(error),
            Self::Read(_, ReadError::Source(error)) => error.downcast_ref(),
            _ => None,
        };
        error.is_some_and(|error: &alluvium_objects::Error| error.kind == ErrorKind::NotFound)
    }
}

/// Whether a single range of an object cannot be read, and others of it may.
pub(super) fn concerns_one_range(error: &alluvium_objects::Error) -> bool {
    matches!(error.kind, ErrorKind::Range | ErrorKind::TooLarge)
}

fn concerns_one_object(error: &alluvium_objects::Error) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Range | ErrorKind::TooLarge)
}
