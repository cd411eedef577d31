//! Walks: what they cost, and what they return while the store fails.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

use super::{faulty, parts};
use crate::faults::{Fault, FaultRule};
use crate::{ErrorKind, Objects, ObjectsConfig, Operation};

/// A directory that counts the entries that listings of it read.
#[derive(Debug)]
struct CountedDirectory {
    inner: LocalFileSystem,
    entries: Arc<AtomicU64>,
}

impl fmt::Display for CountedDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for CountedDirectory {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let entries = Arc::clone(&self.entries);
        let count = move |_: &Result<ObjectMeta>| {
            entries.fetch_add(1, Ordering::Relaxed);
        };
        self.inner.list(prefix).inspect(count).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// All keys of a walk in pages of `page` objects.
async fn walked(objects: &Objects, page: usize) -> Vec<String> {
    let mut walk = objects.walk("segments/").unwrap();
    let mut keys = Vec::new();
    loop {
        let found = walk.next_page(page).await.unwrap();
        let is_last = found.len() < page;
        keys.extend(found.into_iter().map(|listed| listed.key));
        if is_last {
            return keys;
        }
    }
}

#[tokio::test]
async fn a_walk_over_a_directory_reads_each_entry_once() {
    let directory = tempfile::tempdir().unwrap();
    let entries = Arc::new(AtomicU64::new(0));
    let inner = LocalFileSystem::new_with_prefix(directory.path()).unwrap();
    let store = CountedDirectory { inner, entries: Arc::clone(&entries) };
    let objects = Objects::new(Arc::new(store), "", ObjectsConfig::default());
    let mut reads = Vec::new();
    for range in [0..100, 100..400] {
        for n in range {
            objects.put(&format!("segments/{:02x}/{n}.seg", n % 16), parts("x")).await.unwrap();
        }
        entries.store(0, Ordering::Relaxed);
        walked(&objects, 10).await;
        reads.push(entries.load(Ordering::Relaxed));
    }
    assert_eq!(reads, [100, 400], "four times the objects cost four times the reads");
}

#[tokio::test(start_paused = true)]
async fn a_walk_returns_every_object_although_the_store_fails_in_between() {
    for lists_in_order in [false, true] {
        let (objects, faults) = faulty(ObjectsConfig { lists_in_order, ..ObjectsConfig::default() });
        let all: BTreeSet<String> = (0..25).map(|n| format!("segments/{n:02}")).collect();
        for key in &all {
            objects.put(key, parts("x")).await.unwrap();
        }
        faults.inject(FaultRule::on(Operation::List, Fault::Unavailable).times(2));
        let walked = walked(&objects, 10).await;
        assert_eq!(walked.len(), 25);
        assert_eq!(walked.into_iter().collect::<BTreeSet<_>>(), all);
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_deleted_does_not_keep_the_others() {
    let (objects, faults) = faulty(ObjectsConfig::default());
    let keys: Vec<String> = (0..5).map(|n| format!("d/{n}")).collect();
    for key in &keys {
        objects.put(key, parts("x")).await.unwrap();
    }
    faults.inject(FaultRule::on(Operation::Delete, Fault::Denied).key_contains("d/2"));
    faults.inject(FaultRule::on(Operation::Delete, Fault::NotFound).key_contains("d/3"));
    let results = objects.delete_each(&keys).await;
    let failures: Vec<Option<ErrorKind>> = results.into_iter().map(|result| result.err().map(|e| e.kind)).collect();
    assert_eq!(failures, [None, None, Some(ErrorKind::Denied), None, None]);
    let left: Vec<String> = objects.list("d/", None, 10).await.unwrap().into_iter().map(|o| o.key).collect();
    assert_eq!(left, ["d/2", "d/3"], "the store said that d/3 was absent");
    assert_eq!(objects.delete(&keys).await.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(objects.usage().totals().deletes, 8);
}
