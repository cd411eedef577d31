//! Opening: the library, the cluster file, and a first answer.

use std::{path::PathBuf, time::Duration};

use foundationdb::{
    Database, FdbError,
    options::{DatabaseOption, TransactionOption},
};
use foundationdb_sys::LoadError;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use super::{client, cluster_file::ClusterFile, keys::Keys};
use crate::kv::limits::{OPEN_TIMEOUT, RETRY_DELAY_MAX, WATCHES_MAX};

/// Where a metastore lies in FoundationDB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FdbOptions {
    /// The cluster file; without one, that of `FDB_CLUSTER_FILE`, `./fdb.cluster` or the system's.
    pub cluster_file: Option<PathBuf>,
    /// What all keys begin with: printable ASCII, so that several clusters share one FoundationDB.
    pub prefix: Vec<u8>,
    /// The client library; without one, that of `FDB_HOME`, else the system's. The first that a process loads is the only one.
    pub library: Option<PathBuf>,
}

/// Why FoundationDB cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The client library is not there, or not usable.
    #[error(
        "FoundationDB's client library cannot be loaded: {0}. Install the package foundationdb-clients, 7.3 or newer, of \
         https://github.com/apple/foundationdb/releases, or say where the library is (--fdb-library, or FDB_HOME for \
         FDB_HOME/lib)"
    )]
    Library(#[from] LoadError),
    /// The client library is of an older FoundationDB.
    #[error(
        "the client library {} is of FoundationDB {version}: install the package foundationdb-clients, 7.3 or newer",
        library.display()
    )]
    OldLibrary {
        /// Where it is.
        library: PathBuf,
        /// What it says of itself.
        version: String,
    },
    /// The cluster file cannot be used.
    #[error("cannot use the cluster file {}: {reason}", path.display())]
    ClusterFile {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The prefix cannot be used.
    #[error("the prefix of its keys {0}")]
    Prefix(String),
    /// Nobody answers.
    #[error(
        "FoundationDB at {coordinators} (of {}) did not answer within {waited:?}: is it running, configured, and \
         reachable from here?",
        cluster_file.display()
    )]
    Unreachable {
        /// The cluster file.
        cluster_file: PathBuf,
        /// Where it says that the cluster is.
        coordinators: String,
        /// For how long it was waited.
        waited: Duration,
    },
    /// The client library refuses.
    #[error("FoundationDB's client library: {0}")]
    Client(String),
}

impl From<FdbError> for OpenError {
    fn from(error: FdbError) -> Self {
        Self::Client(error.message().to_owned())
    }
}

/// Opens the cluster and waits for its first answer.
pub(super) async fn open(options: &FdbOptions) -> Result<(Database, Keys), OpenError> {
    let keys = Keys::behind(&options.prefix).map_err(OpenError::Prefix)?;
    let file = ClusterFile::find(options.cluster_file.as_deref())?;
    client::start(options.library.as_deref())?;
    let refused = |reason: String| OpenError::ClusterFile { path: file.path.clone(), reason };
    let path = file.path.to_str().ok_or_else(|| refused("its path is not UTF-8".to_owned()))?;
    let database = Database::from_path(path).map_err(|error| refused(error.message().to_owned()))?;
    database.set_option(DatabaseOption::MaxWatches(i32::try_from(WATCHES_MAX).expect("ten thousand")))?;
    let answers = answers(&database, &keys).await?;
    client::stop_at_exit();
    if !answers {
        let ClusterFile { path: cluster_file, coordinators } = file;
        return Err(OpenError::Unreachable { cluster_file, coordinators, waited: OPEN_TIMEOUT });
    }
    Ok((database, keys))
}

/// Whether a read is answered in time.
async fn answers(database: &Database, keys: &Keys) -> Result<bool, OpenError> {
    let started = Instant::now();
    loop {
        let left = OPEN_TIMEOUT.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(false);
        }
        let transaction = database.create_trx()?;
        transaction
            .set_option(TransactionOption::Timeout(i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1)))?;
        match transaction.get(&keys.full(b""), true).await {
            Ok(_) => return Ok(true),
            Err(error) if error.is_retryable() => sleep(RETRY_DELAY_MAX).await,
            // Mostly that its time is up.
            Err(error) => tracing::debug!(%error, "no answer from FoundationDB"),
        }
    }
}
