//! Opens a directory of this machine as a store.

use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;

use crate::local_store::LocalStore;
use crate::{Error, ErrorKind, Objects, ObjectsConfig, Operation, unfinished_uploads};

/// Opens the objects in `directory`, which is created if it does not exist.
///
/// # Errors
/// If it cannot be created, or is not a directory.
pub async fn open_directory(directory: &Path, config: ObjectsConfig) -> Result<Objects, Error> {
    let path = directory.to_owned();
    let opened = tokio::task::spawn_blocking(move || store(&path)).await;
    let name = directory.to_string_lossy();
    let store = opened.map_err(|error| Error::new(ErrorKind::Other, Operation::Open, &name, error.to_string()))??;
    // A hedged read does not make a disk faster.
    Ok(Objects::new(store, "", ObjectsConfig { hedge_after: None, ..config }))
}

fn store(directory: &Path) -> Result<Arc<dyn ObjectStore>, Error> {
    let name = directory.to_string_lossy();
    std::fs::create_dir_all(directory).map_err(|error| Error::from_io(Operation::Open, &name, &error))?;
    unfinished_uploads::remove(directory);
    let store = LocalStore::new(directory).map_err(|error| Error::from_store(Operation::Open, &name, &error))?;
    Ok(Arc::new(store))
}
