//! Errors of maintenance: retention, cleanup and the orphan sweep. Those of a rewrite are in `rewrite/error.rs`.

use alluvium_metastore::leases::CheckError;
use alluvium_metastore::log::TrimError;
use thiserror::Error;

/// Why a maintenance task failed. A later round tries it again.
#[derive(Debug, Error)]
pub(crate) enum MaintenanceError {
    /// The object store failed.
    #[error(transparent)]
    Objects(#[from] alluvium_objects::Error),
    /// The metastore failed.
    #[error(transparent)]
    Metastore(#[from] alluvium_metastore::Error),
    /// The metastore rejected a trim.
    #[error(transparent)]
    Trim(TrimError),
    /// The lease on the role was lost; another node holds the role now.
    #[error("the lease was lost to another node")]
    Fenced,
}

impl From<TrimError> for MaintenanceError {
    fn from(error: TrimError) -> Self {
        if error == TrimError::Fenced { Self::Fenced } else { Self::Trim(error) }
    }
}

impl From<CheckError> for MaintenanceError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Fenced => Self::Fenced,
            CheckError::Metastore(error) => Self::Metastore(error),
        }
    }
}
