//! The engine in one file, by redb: the default metastore of a single process, with nothing to install.
//!
//! Owns: the file, its lock, its format number, and getting back to work after the disk failed. One table holds all rows;
//! the engine's own lie under `0xff`, where no transaction can write.
//!
//! Reads go to redb's cache, else to the file, on the calling thread: short, and mostly memory. Commits wait for the disk
//! and run on Tokio's blocking threads.

mod disk;
mod fault;
mod open;
mod storage;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

pub use open::OpenError;

use self::storage::RedbStorage;
use super::{Attempt, Engine, Metrics, embedded::Embedded};

/// The engine in one file. Needs a Tokio runtime.
pub struct RedbEngine(Arc<Embedded<RedbStorage>>);

impl RedbEngine {
    /// Opens the store in the directory `path`, or creates both.
    ///
    /// # Errors
    /// Where another process has it open, the disk refuses, or it is of a newer format.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        open::open(path.as_ref()).map(|engine| Self(Arc::new(engine)))
    }

    /// Closes it: answers for commits under way come first, all else fails from now on, and the file may be opened again.
    pub async fn close(&self) {
        let engine = self.0.clone();
        if let Err(panic) = tokio::task::spawn_blocking(move || engine.close()).await {
            tracing::error!(%panic, "closing the metastore failed");
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
}
