//! Decides, after a crash of the embedded metastore, whether the segments of its last commit survived.

use std::{io, path::Path, sync::Arc};

use alluvium_metastore::kv::{ObjectName, ObjectWitness};
use alluvium_objects::{LocalDirectory, StoreLocation};
use alluvium_segment::Footer;

/// Reads segments in a local directory and checks their checksums.
#[derive(Debug)]
pub struct SegmentWitness {
    directory: LocalDirectory,
    store: String,
}

impl SegmentWitness {
    /// A witness for commits in the directory `metastore` that name objects in `store`; `None` unless that is a directory
    /// in the same file system: what is not mounted did not survive either, as far as anybody can see.
    pub fn of(store: &StoreLocation, metastore: &Path) -> Option<Arc<dyn ObjectWitness>> {
        let StoreLocation::Local { directory } = store else { return None };
        let directory = LocalDirectory::open(directory).ok()?;
        directory.shares_file_system(metastore).ok().filter(|shares| *shares)?;
        let store = directory.path().to_str()?.to_owned();
        Some(Arc::new(Self { directory, store }))
    }
}

impl ObjectWitness for SegmentWitness {
    fn store(&self) -> &str {
        &self.store
    }

    fn has_survived(&self, object: &ObjectName) -> io::Result<bool> {
        let found = self.directory.read_durably(&object.key)?;
        Ok(found.is_some_and(|bytes| bytes.len() as u64 == object.bytes && Footer::verify_whole(&bytes).is_ok()))
    }
}
