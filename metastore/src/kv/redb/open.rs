//! Opening: the directory, the lock, the file, its format.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
    sync::Arc,
};

use ::redb::backends::FileBackend;
use thiserror::Error;

use super::{
    fault::Fault,
    storage::{FORMAT, RedbStorage},
};
use crate::kv::embedded::Embedded;

/// The file within its directory.
const FILE: &str = "metastore.redb";

/// Why a store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{path} is in use by another process")]
    InUse { path: String },
    /// The directory or the file cannot be used.
    #[error("cannot use {path}: {source}")]
    Unusable { path: String, source: io::Error },
    /// The store is of a format that this version does not know.
    #[error("{path} has format {found}, which is newer than {FORMAT}, the newest that this version of Alluvium reads")]
    NewerFormat { path: String, found: u64 },
    /// The file is not a store of ours, or is damaged.
    #[error("{path} is not a readable metastore: {reason}")]
    Unreadable { path: String, reason: String },
}

pub(super) fn open(directory: &Path) -> Result<Embedded<RedbStorage>, OpenError> {
    let path = directory.join(FILE);
    let shown = path.display().to_string();
    let file = open_file(directory, &path).map_err(|source| OpenError::Unusable { path: shown.clone(), source })?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::InUse { path: shown.clone() },
        TryLockError::Error(source) => OpenError::Unusable { path: shown.clone(), source },
    })?;
    let handles = file.try_clone().and_then(|lock| Ok((lock, FileBackend::new(file).map_err(io::Error::other)?)));
    let (lock, disk) = handles.map_err(|source| OpenError::Unusable { path: shown.clone(), source })?;
    let storage = RedbStorage::new(Arc::new(disk), Some(lock)).map_err(|fault| match fault {
        Fault::Io(source) => OpenError::Unusable { path: shown.clone(), source },
        Fault::NewerFormat(found) => OpenError::NewerFormat { path: shown.clone(), found },
        Fault::Unreadable(reason) => OpenError::Unreadable { path: shown.clone(), reason },
    })?;
    Embedded::new(storage).map_err(|error| OpenError::Unreadable { path: shown, reason: error.to_string() })
}

/// The file, created where it is missing, with its name in the directory made durable.
fn open_file(directory: &Path, path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(directory)?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    File::open(directory)?.sync_all()?;
    Ok(file)
}
