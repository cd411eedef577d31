//! Opening a store: its directory, file, lock and format.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
    sync::Arc,
};

use ::redb::backends::FileBackend;
use thiserror::Error;

use super::{
    storage::{FORMAT, RedbStorage},
    store_error::StoreError,
};
use crate::kv::{ObjectWitness, embedded::Embedded};

/// The file's name in the store's directory.
const FILE: &str = "metastore.redb";

/// Why a store could not be opened.
#[derive(Debug, Error)]
pub enum RedbOpenError {
    /// Another process has the store open.
    #[error("{path} is in use by another process")]
    InUse {
        /// Path of the file.
        path: String,
    },
    /// The directory or the file cannot be used.
    #[error("cannot use {path}: {source}")]
    Unusable {
        /// Path of the file.
        path: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// The store's format is newer than this version of Alluvium.
    #[error("{path} has format {found}, which is newer than {FORMAT}, the newest that this version of Alluvium reads")]
    NewerFormat {
        /// Path of the file.
        path: String,
        /// The store's format number.
        found: u64,
    },
    /// A crash left the last commit in doubt, and the objects that decide about it cannot be looked for.
    #[error("{path}: the last commit before a crash cannot be decided: {reason}")]
    Undecided {
        /// Path of the file.
        path: String,
        /// Why the objects cannot be looked for.
        reason: String,
    },
    /// The file is not a store of ours, or is damaged.
    #[error("{path} is not a readable metastore: {reason}")]
    Unreadable {
        /// Path of the file.
        path: String,
        /// Why the store cannot be read.
        reason: String,
    },
}

/// Opens the store in `directory`, or creates both. `witness` looks for the objects of commits in doubt.
pub(super) fn open(
    directory: &Path,
    witness: Option<Arc<dyn ObjectWitness>>,
) -> Result<Embedded<RedbStorage>, RedbOpenError> {
    let path = directory.join(FILE);
    let shown = path.display().to_string();
    let file = open_file(directory, &path).map_err(|source| RedbOpenError::Unusable { path: shown.clone(), source })?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => RedbOpenError::InUse { path: shown.clone() },
        TryLockError::Error(source) => RedbOpenError::Unusable { path: shown.clone(), source },
    })?;
    let handles = file.try_clone().and_then(|lock| Ok((lock, FileBackend::new(file).map_err(io::Error::other)?)));
    let (lock, disk) = handles.map_err(|source| RedbOpenError::Unusable { path: shown.clone(), source })?;
    let storage = RedbStorage::new(Arc::new(disk), Some(lock), witness).map_err(|error| match error {
        StoreError::Io(source) => RedbOpenError::Unusable { path: shown.clone(), source },
        StoreError::NewerFormat(found) => RedbOpenError::NewerFormat { path: shown.clone(), found },
        StoreError::Undecided(reason) => RedbOpenError::Undecided { path: shown.clone(), reason },
        StoreError::Unreadable(reason) => RedbOpenError::Unreadable { path: shown.clone(), reason },
    })?;
    Embedded::new(storage).map_err(|error| RedbOpenError::Unreadable { path: shown, reason: error.to_string() })
}

/// The file, created if it is missing; its name in the directory is durable.
fn open_file(directory: &Path, path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(directory)?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    File::open(directory)?.sync_all()?;
    Ok(file)
}
