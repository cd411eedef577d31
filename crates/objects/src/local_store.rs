//! A directory as an object store, in which objects can be written with one wait for the disk.
//!
//! `object_store` syncs a file, renames it and syncs its directory: two waits in a row, and whoever sees the name sees
//! a durable object. A put with [`NameFirst`] renames before it syncs. Then a journaling file system makes the name
//! durable together with the contents, and the sync of the directory finds nothing left to do. After a power cut the
//! name may be there with damaged contents, which only matters to readers of objects whose put has not returned.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Notify;

use crate::local_directory::{sync_directory, sync_parents};

/// Names of unfinished files that are tried for one object: one for each try of its put, and some that were killed.
const UNFINISHED_NAMES_MAX: u32 = 1_000;

/// The extension of a put that may name its object before it is durable; notified between the two.
#[derive(Clone, Debug)]
pub(crate) struct NameFirst(pub Arc<Notify>);

/// A local directory.
#[derive(Debug)]
pub(crate) struct LocalStore {
    inner: LocalFileSystem,
    directories: Arc<Directories>,
}

/// The directories of a store.
#[derive(Debug)]
struct Directories {
    root: PathBuf,
    /// Those whose names are durable, up to the root: at most 256 of segments.
    durable: Mutex<HashSet<PathBuf>>,
}

impl LocalStore {
    /// The store in the existing directory `root`.
    pub fn new(root: &FilePath) -> Result<Self> {
        let inner = LocalFileSystem::new_with_prefix(root)?.with_fsync(true);
        // As `path_to_filesystem` has it: without links.
        let root = root.canonicalize().map_err(error)?;
        Ok(Self { inner, directories: Arc::new(Directories { root, durable: Mutex::default() }) })
    }
}

impl Directories {
    /// Writes `payload` as the file at `path`, unless another try of the same put has done so. If that fails, the file
    /// may be there with any contents: another try may have written it by then, so it is not removed.
    fn write(&self, path: &FilePath, payload: &PutPayload, named: &Notify) -> io::Result<()> {
        let directory = path.parent().unwrap_or(&self.root);
        let (mut file, unfinished) = match create_unfinished(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.durable().clear();
                fs::create_dir_all(directory)?;
                create_unfinished(path)?
            }
            other => other?,
        };
        let written = payload.iter().try_for_each(|part| file.write_all(part));
        let named_file = written.and_then(|()| name(&unfinished, path));
        // What stays is removed when the store is opened.
        let _ = fs::remove_file(&unfinished);
        match named_file {
            // Another try of this put was first, which nobody may wait for any more. It had written everything; what it
            // has made durable must not be replaced.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                file = same_file(path, payload)?.ok_or(error)?
            }
            other => other?,
        }
        named.notify_one();
        file.sync_all()?;
        sync_directory(directory)?;
        self.make_durable(directory)
    }

    /// Makes the name of `directory` durable, and those of its parents up to the root.
    fn make_durable(&self, directory: &FilePath) -> io::Result<()> {
        if self.durable().contains(directory) {
            return Ok(());
        }
        sync_parents(directory, &self.root)?;
        self.durable().insert(directory.to_owned());
        Ok(())
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new file beside `path`, and its name, which no listing shows (`unfinished_uploads.rs`).
fn create_unfinished(path: &FilePath) -> io::Result<(File, PathBuf)> {
    for number in 1..=UNFINISHED_NAMES_MAX {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{number}"));
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (file, name.into())),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Gives the file `unfinished` the name `path` unless that is taken.
fn name(unfinished: &FilePath, path: &FilePath) -> io::Result<()> {
    match fs::hard_link(unfinished, path) {
        // A file system without links.
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            fs::rename(unfinished, path)
        }
        other => other,
    }
}

/// The file at `path` if it is one with as many bytes as `payload`.
fn same_file(path: &FilePath, payload: &PutPayload) -> io::Result<Option<File>> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    Ok((found.is_file() && found.len() == payload.content_length() as u64).then_some(file))
}

/// The bytes of `range` of `file`; fewer if it ends before. `object_store` fills the buffer with zeros first, which took
/// a tenth of what a compaction takes.
pub(crate) async fn read(file: File, range: Range<u64>) -> Result<Bytes> {
    let read = move || {
        let (mut file, length) = (file, range.end.saturating_sub(range.start));
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.seek(SeekFrom::Start(range.start))?;
        file.take(length).read_to_end(&mut bytes)?;
        Ok(Bytes::from(bytes))
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|panic| error(io::Error::other(panic)))?.map_err(error)
}

fn error(source: io::Error) -> Error {
    Error::Generic { store: "LocalStore", source: source.into() }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let Some(NameFirst(named)) = opts.extensions.get::<NameFirst>().cloned() else {
            return self.inner.put_opts(location, payload, opts).await;
        };
        let (path, directories) = (self.inner.path_to_filesystem(location)?, Arc::clone(&self.directories));
        let written = tokio::task::spawn_blocking(move || directories.write(&path, &payload, &named)).await;
        written.map_err(|panic| error(io::Error::other(panic)))?.map_err(error)?;
        Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_no_unfinished_file_and_what_was_there() {
        let scratch = tempfile::tempdir().unwrap();
        let store = LocalStore::new(scratch.path()).unwrap();
        let root = &store.directories.root;
        fs::create_dir_all(root.join("00/taken/below")).unwrap();
        let payload = PutPayload::from_static(b"bytes");
        assert!(store.directories.write(&root.join("00/taken"), &payload, &Notify::new()).is_err());
        let names: Vec<_> = fs::read_dir(root.join("00")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["taken"]);
        // What a killed process left is no obstacle.
        fs::write(root.join("00/free#1"), b"left").unwrap();
        store.directories.write(&root.join("00/free"), &payload, &Notify::new()).unwrap();
        assert_eq!(fs::read(root.join("00/free")).unwrap(), b"bytes");
    }

    #[test]
    fn a_late_try_of_a_put_does_not_replace_what_another_has_made_durable() {
        use std::os::unix::fs::MetadataExt;
        let scratch = tempfile::tempdir().unwrap();
        let store = LocalStore::new(scratch.path()).unwrap();
        let path = store.directories.root.join("object");
        let inode = || fs::metadata(&path).unwrap().ino();
        let put = |bytes| store.directories.write(&path, &PutPayload::from_static(bytes), &Notify::new());
        put(b"bytes").unwrap();
        let durable = inode();
        put(b"bytes").unwrap();
        assert_eq!(inode(), durable);
        assert!(put(b"others").is_err(), "no other object has this name");
        assert_eq!(fs::read_dir(&store.directories.root).unwrap().count(), 1, "no unfinished file");
    }

    #[test]
    fn a_directory_that_was_removed_is_made_again_and_durable() {
        let scratch = tempfile::tempdir().unwrap();
        let store = LocalStore::new(scratch.path()).unwrap();
        let root = &store.directories.root;
        for _ in 0..2 {
            store
                .directories
                .write(&root.join("a/b/object"), &PutPayload::from_static(b"bytes"), &Notify::new())
                .unwrap();
            assert!(store.directories.durable().contains(&root.join("a/b")));
            fs::remove_dir_all(root.join("a")).unwrap();
        }
    }
}
