//! A directory of objects as files: what a crash left of them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A directory opened with [`open_directory`](crate::open_directory), for reads after a crash.
#[derive(Clone, Debug)]
pub struct LocalDirectory(PathBuf);

impl LocalDirectory {
    /// The existing directory at `path`.
    ///
    /// # Errors
    /// If it does not exist or cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        path.canonicalize().map(Self)
    }

    /// Its absolute path, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether it is in the same file system as `other`, so that neither is there without the other.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn shares_file_system(&self, other: &Path) -> io::Result<bool> {
        Ok(device(&self.0)? == device(other)?)
    }

    /// The bytes of the object at `key`, which are durable when this returns; `None` if there is no such object.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn read_durably(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.0.join(key);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.sync_all()?;
        sync_parents(&path, &self.0)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

/// Makes the name at `path` durable: syncs its directory and that one's parents, up to `root`.
pub(crate) fn sync_parents(path: &Path, root: &Path) -> io::Result<()> {
    path.ancestors().skip(1).take_while(|directory| directory.starts_with(root)).try_for_each(sync_directory)
}

#[cfg(unix)]
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Elsewhere directories cannot be synced.
#[cfg(not(unix))]
pub(crate) fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn device(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata(path)?.dev())
}

/// Elsewhere nothing is known to share a file system.
#[cfg(not(unix))]
fn device(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_or_absent_and_anything_else_is_an_error() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = LocalDirectory::open(scratch.path()).unwrap();
        assert_eq!(directory.read_durably("segments/00/a").unwrap(), None);
        std::fs::create_dir_all(scratch.path().join("segments/00")).unwrap();
        std::fs::write(scratch.path().join("segments/00/a"), b"bytes").unwrap();
        assert_eq!(directory.read_durably("segments/00/a").unwrap().unwrap(), b"bytes");
        assert_eq!(directory.read_durably("segments/00/b").unwrap(), None);
        assert!(directory.read_durably("segments/00").is_err(), "a directory is no object, and not absent either");
        assert!(directory.shares_file_system(&scratch.path().join("segments")).unwrap());
        assert!(LocalDirectory::open(&scratch.path().join("missing")).is_err());
    }
}
