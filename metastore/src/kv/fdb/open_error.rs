//! Why FoundationDB cannot be used, and what to do about it.

use std::{path::PathBuf, time::Duration};

use foundationdb::FdbError;
use foundationdb_sys::LoadError;
use thiserror::Error;

/// Why FoundationDB cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FdbOpenError {
    /// The client library was not found, or is not usable.
    #[error(
        "FoundationDB's client library cannot be loaded: {0}. Install the package foundationdb-clients, 7.3 or newer, \
         from https://github.com/apple/foundationdb/releases, or set its path (--fdb-library, or FDB_HOME for \
         FDB_HOME/lib)"
    )]
    Library(#[from] LoadError),
    /// The client library belongs to an older FoundationDB.
    #[error(
        "the client library {} belongs to FoundationDB {version}: install the package foundationdb-clients, 7.3 or \
         newer",
        library.display()
    )]
    OldLibrary {
        /// Path of the library.
        library: PathBuf,
        /// The version that the library reports.
        version: String,
    },
    /// The cluster file cannot be used.
    #[error("cannot use the cluster file {}: {reason}", path.display())]
    ClusterFile {
        /// Path of the file, whether it exists or not.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// The key prefix cannot be used.
    #[error("the prefix of its keys {0}")]
    Prefix(String),
    /// The cluster did not answer in time.
    #[error(
        "FoundationDB at {coordinators} (named in {}) did not answer within {waited:?}: is it running, configured, and \
         reachable from here?",
        cluster_file.display()
    )]
    Unreachable {
        /// Path of the cluster file.
        cluster_file: PathBuf,
        /// The addresses in the cluster file.
        coordinators: String,
        /// How long the engine waited for an answer.
        waited: Duration,
    },
    /// The client library returned an error.
    #[error("FoundationDB's client library: {0}")]
    Client(String),
}

impl From<FdbError> for FdbOpenError {
    fn from(error: FdbError) -> Self {
        Self::Client(error.message().to_owned())
    }
}
