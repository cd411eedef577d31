//! Why a piece of compaction is not done now.

use alluvium_history::{ReadError, WriteError};
use alluvium_metastore::leases::CheckError;
use alluvium_metastore::log::{SwapError, TrimError};
use alluvium_model::{ObjectId, Timestamp};
use thiserror::Error;

use crate::rewrite::RunError;

/// Why a rewrite is not done; it is planned again in a later round.
#[derive(Debug, Error)]
pub(crate) enum RewriteError {
    /// The object store failed.
    #[error(transparent)]
    Objects(#[from] alluvium_objects::Error),
    /// A segment's batches cannot be understood.
    #[error("segment {0}: {1}")]
    Run(ObjectId, RunError),
    /// A history file cannot be read.
    #[error("history file {0}: {1}")]
    Read(ObjectId, ReadError),
    /// A history file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The output is so old that the orphan sweep may take it.
    #[error("output {0}, begun at {1} ms, took too long to be swapped in")]
    TooOld(ObjectId, Timestamp),
    /// The swap was refused, or its outcome is not known.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// The process is stopping.
    #[error("stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// Why a metastore task was not done; it is tried again in a later round.
#[derive(Debug, Error)]
pub(crate) enum UpkeepError {
    /// The object store failed.
    #[error(transparent)]
    Objects(#[from] alluvium_objects::Error),
    /// The metastore failed.
    #[error(transparent)]
    Metastore(#[from] alluvium_metastore::Error),
    /// A trim was refused.
    #[error(transparent)]
    Trim(TrimError),
    /// The lease on the role was lost: another node does it by now.
    #[error("the lease was lost to another node")]
    Fenced,
}

impl From<TrimError> for UpkeepError {
    fn from(error: TrimError) -> Self {
        if error == TrimError::Fenced { Self::Fenced } else { Self::Trim(error) }
    }
}

impl From<CheckError> for UpkeepError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Fenced => Self::Fenced,
            CheckError::Metastore(error) => Self::Metastore(error),
        }
    }
}

impl RewriteError {
    /// Whether the input itself is at fault, so that trying again cannot help.
    pub(crate) fn is_of_input(&self) -> bool {
        match self {
            Self::Run(..) | Self::Read(_, ReadError::Corrupt(_) | ReadError::Version(_) | ReadError::Batch(_)) => true,
            Self::Objects(error) => !error.is_retryable() && is_about_the_object(error),
            Self::Write(error) => matches!(error, WriteError::TooLarge { .. }),
            Self::Read(_, ReadError::Source(_)) | Self::TooOld(..) | Self::Swap(_) | Self::Stopped(_) => false,
        }
    }
}

fn is_about_the_object(error: &alluvium_objects::Error) -> bool {
    use alluvium_objects::ErrorKind;
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Range | ErrorKind::TooLarge)
}
