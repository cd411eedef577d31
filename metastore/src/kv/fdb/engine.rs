//! The engine: opens the database, starts attempts, closes it.

use std::sync::Arc;

use super::{
    attempt::FdbAttempt,
    database::FdbDatabase,
    open::{self, FdbOptions},
    open_error::FdbOpenError,
};
use crate::kv::{Attempt, Engine, Metrics};

/// The engine on FoundationDB. Needs a Tokio runtime.
pub struct FdbEngine {
    database: Arc<FdbDatabase>,
    metrics: Metrics,
}

impl FdbEngine {
    /// Opens the keys under `options.prefix`, once the cluster answers.
    ///
    /// # Errors
    /// If the library, the cluster file or the cluster is missing; the message says what to do.
    pub async fn open(options: FdbOptions) -> Result<Self, FdbOpenError> {
        let (database, prefix) = open::open(&options).await?;
        Ok(Self { database: Arc::new(FdbDatabase::new(database, prefix)), metrics: Metrics::default() })
    }

    /// Closes the engine: commits under way are answered, watches end, everything else fails from now on.
    pub async fn close(&self) {
        self.database.close();
    }
}

impl Engine for FdbEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        Arc::new(FdbAttempt::new(self.database.clone()))
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
