//! The engine in one file, by redb.
use std::{path::Path, sync::Arc};

use super::{Attempt, Engine, Metrics};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{path} is in use by another process")]
    InUse { path: String },
    /// The file or its directory cannot be used.
    #[error("cannot open {path}: {reason}")]
    Unusable { path: String, reason: String },
    /// The file is there, but is not a store of ours that this version can read.
    #[error("{path} is not a metastore that this version can read: {reason}")]
    Unreadable { path: String, reason: String },
}

/// The engine in one file.
pub struct RedbEngine {
    metrics: Metrics,
}

impl RedbEngine {
    /// Opens the store in the directory `path`, or creates it.
    pub fn open(_path: impl AsRef<Path>) -> Result<Self, OpenError> {
        unimplemented!("within minutes")
    }
}

impl Engine for RedbEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        unimplemented!("within minutes")
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
