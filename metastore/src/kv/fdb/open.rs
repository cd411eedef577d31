//! Opening a cluster: the library, the cluster file, and a first answer.

use std::path::PathBuf;

use foundationdb::{
    Database,
    options::{DatabaseOption, TransactionOption},
};
use tokio::time::{Instant, sleep};

use super::{client, cluster_file::ClusterFile, key_prefix::KeyPrefix, open_error::FdbOpenError};
use crate::kv::limits::{OPEN_TIMEOUT, RETRY_DELAY_MAX, WATCHES_MAX};

/// Where a metastore is in FoundationDB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FdbOptions {
    /// The cluster file; `None` for that of `FDB_CLUSTER_FILE`, else `./fdb.cluster`, else the system's.
    pub cluster_file: Option<PathBuf>,
    /// The prefix of all keys, by which several clusters share one FoundationDB: printable ASCII.
    pub prefix: Vec<u8>,
    /// The client library; `None` for that of `FDB_HOME`, else the system's. A process loads only one; later engines
    /// use it.
    pub library: Option<PathBuf>,
}

/// Opens the cluster and waits for its first answer.
pub(super) async fn open(options: &FdbOptions) -> Result<(Database, KeyPrefix), FdbOpenError> {
    let prefix = KeyPrefix::new(&options.prefix).map_err(FdbOpenError::Prefix)?;
    let file = ClusterFile::find(options.cluster_file.as_deref())?;
    client::start(options.library.as_deref())?;
    let unusable = |reason: String| FdbOpenError::ClusterFile { path: file.path.clone(), reason };
    let path = file.path.to_str().ok_or_else(|| unusable("its path is not UTF-8".to_owned()))?;
    let database = Database::from_path(path).map_err(|error| unusable(error.message().to_owned()))?;
    database.set_option(DatabaseOption::MaxWatches(i32::try_from(WATCHES_MAX).expect("10,000 fits in an i32")))?;
    let answers = answers_in_time(&database, &prefix).await?;
    client::stop_at_exit();
    if !answers {
        let ClusterFile { path: cluster_file, coordinators } = file;
        return Err(FdbOpenError::Unreachable { cluster_file, coordinators, waited: OPEN_TIMEOUT });
    }
    Ok((database, prefix))
}

/// Whether the cluster answers a read within [`OPEN_TIMEOUT`].
async fn answers_in_time(database: &Database, prefix: &KeyPrefix) -> Result<bool, FdbOpenError> {
    let started = Instant::now();
    loop {
        let left = OPEN_TIMEOUT.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(false);
        }
        let transaction = database.create_trx()?;
        transaction
            .set_option(TransactionOption::Timeout(i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1)))?;
        match transaction.get(&prefix.add_to(b""), true).await {
            Ok(_) => return Ok(true),
            Err(error) if error.is_retryable() => sleep(RETRY_DELAY_MAX).await,
            // Usually the transaction's timeout.
            Err(error) => tracing::debug!(%error, "no answer from FoundationDB"),
        }
    }
}
