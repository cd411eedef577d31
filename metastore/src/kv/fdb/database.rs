//! The database of one engine, which its attempts share.

use std::sync::{Arc, Mutex, PoisonError};

use foundationdb::Database;
use tokio::sync::watch;

use super::key_prefix::KeyPrefix;
use crate::kv::Error;

/// A database until it is closed.
pub(super) struct FdbDatabase {
    /// `None` once it is closed.
    database: Mutex<Option<Arc<Database>>>,
    /// Ends the watches when it becomes true.
    closed: watch::Sender<bool>,
    /// The prefix of all keys.
    pub prefix: KeyPrefix,
}

impl FdbDatabase {
    /// An open database.
    pub fn new(database: Database, prefix: KeyPrefix) -> Self {
        Self { database: Mutex::new(Some(Arc::new(database))), closed: watch::Sender::new(false), prefix }
    }

    /// The open database.
    pub fn get(&self) -> Result<Arc<Database>, Error> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)
    }

    /// Closes the database and ends the watches.
    pub fn close(&self) {
        self.closed.send_replace(true);
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(database);
    }

    /// Resolves once the database is closed.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closed = self.closed.subscribe();
        async move {
            // An error means that the sender was dropped with the engine, which ends watches just as well.
            let _ = closed.wait_for(|closed| *closed).await;
        }
    }
}
