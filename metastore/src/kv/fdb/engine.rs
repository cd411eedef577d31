//! The engine: one database, and the attempts on it.

use std::sync::{Arc, Mutex, PoisonError};

use foundationdb::Database;
use tokio::sync::watch;

use super::{
    OpenError,
    attempt::FdbAttempt,
    keys::Keys,
    open::{self, FdbOptions},
};
use crate::kv::{Attempt, Engine, Error, Metrics};

/// The engine on FoundationDB. Needs a Tokio runtime.
pub struct FdbEngine(Arc<Shared>);

pub(super) struct Shared {
    /// None once it is closed.
    database: Mutex<Option<Arc<Database>>>,
    /// Tells those who watch that it is.
    closed: watch::Sender<bool>,
    pub keys: Keys,
    metrics: Metrics,
}

impl FdbEngine {
    /// Opens the keys behind `options.prefix`, once the cluster answers.
    ///
    /// # Errors
    /// Where the library, the cluster file or the cluster is not there; the message says what to do.
    pub async fn open(options: FdbOptions) -> Result<Self, OpenError> {
        let (database, keys) = open::open(&options).await?;
        Ok(Self(Arc::new(Shared {
            database: Mutex::new(Some(Arc::new(database))),
            closed: watch::Sender::new(false),
            keys,
            metrics: Metrics::default(),
        })))
    }

    /// Closes it: commits under way are answered, watches end, all else fails from now on.
    pub async fn close(&self) {
        self.0.closed.send_replace(true);
        let database = self.0.database.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(database);
    }
}

impl Engine for FdbEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        Arc::new(FdbAttempt::new(self.0.clone()))
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}

impl Shared {
    pub fn database(&self) -> Result<Arc<Database>, Error> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)
    }

    /// Resolves once the engine is closed.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closed = self.closed.subscribe();
        async move {
            // The sender is dropped with the engine, which ends watches just as well.
            let _ = closed.wait_for(|closed| *closed).await;
        }
    }
}
