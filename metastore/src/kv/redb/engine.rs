//! [`RedbEngine`]: the embedded engine on a redb file.

use std::{path::Path, sync::Arc};

use super::{
    open::{self, RedbOpenError},
    storage::RedbStorage,
};
use crate::kv::{Attempt, Engine, Metrics, ObjectWitness, embedded::Embedded};

/// The engine in one file. Needs a Tokio runtime.
pub struct RedbEngine(Arc<Embedded<RedbStorage>>);

impl RedbEngine {
    /// Opens the store in the directory `path`, or creates both.
    ///
    /// # Errors
    /// If another process has it open, the disk fails, or its format is newer.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RedbOpenError> {
        open::open(path.as_ref(), None).map(|engine| Self(Arc::new(engine)))
    }

    /// As [`Self::open`], for commits beside the writes of objects, which `witness` looks for after a crash.
    ///
    /// # Errors
    /// As [`Self::open`], and if `witness` cannot decide about the last commit before a crash.
    pub fn open_beside(path: impl AsRef<Path>, witness: Arc<dyn ObjectWitness>) -> Result<Self, RedbOpenError> {
        open::open(path.as_ref(), Some(witness)).map(|engine| Self(Arc::new(engine)))
    }

    /// Closes the store: commits under way are answered first, everything else fails from now on, and the file may be
    /// opened again.
    pub async fn close(&self) {
        let engine = self.0.clone();
        if let Err(panic) = tokio::task::spawn_blocking(move || engine.close()).await {
            tracing::error!(%panic, "closing the metastore failed; it is repaired when it is opened next");
        }
    }
}

impl Engine for RedbEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        self.0.begin()
    }

    fn metrics(&self) -> &Metrics {
        self.0.metrics()
    }

    fn takes_pending_objects(&self) -> bool {
        self.0.takes_pending_objects()
    }
}
