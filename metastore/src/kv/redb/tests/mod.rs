//! Tests of the file's lock and format, and of a disk that fails.

mod in_doubt;
mod power_cut;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ::redb::{Database, StorageBackend, TableDefinition, backends::InMemoryBackend};
use tempfile::TempDir;

use super::{RedbEngine, RedbOpenError, storage::RedbStorage};
use crate::kv::{Db, Engine, Error, Range, Tx, embedded::Embedded};
use alluvium_runtime::SeededRng;

/// A disk that can fill up or break.
#[derive(Debug, Default)]
struct Disk {
    bytes: InMemoryBackend,
    is_full: AtomicBool,
    /// Writes and syncs that still succeed while `is_breaking`.
    until_broken: AtomicU64,
    is_breaking: AtomicBool,
}

impl Disk {
    fn break_after(&self, writes: u64) {
        self.until_broken.store(writes, Ordering::Release);
        self.is_breaking.store(true, Ordering::Release);
    }

    fn fill(&self) {
        self.is_full.store(true, Ordering::Release);
    }

    fn heal(&self) {
        self.is_full.store(false, Ordering::Release);
        self.is_breaking.store(false, Ordering::Release);
    }

    fn check(&self) -> io::Result<()> {
        if !self.is_breaking.load(Ordering::Acquire) {
            return Ok(());
        }
        let left = self.until_broken.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| io::Error::other("broken"))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.is_breaking.load(Ordering::Acquire) && self.until_broken.load(Ordering::Acquire) == 0 {
            return Err(io::Error::other("broken"));
        }
        self.bytes.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if self.is_full.load(Ordering::Acquire) && len > self.bytes.len()? {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.check()?;
        self.bytes.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.bytes.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.bytes.write(offset, data)
    }
}

fn on(disk: &Arc<Disk>) -> Db {
    let storage = RedbStorage::new(disk.clone(), None, None).unwrap();
    db(Embedded::new(storage).unwrap())
}

fn db(engine: impl Engine) -> Db {
    Db::new(Arc::new(engine), Arc::new(SeededRng::new(5)))
}

async fn put(db: &Db, key: &str, value: &[u8]) -> Result<(), Error> {
    // Not retried after an unknown result, so that the test sees it.
    let attempt = |tx: Tx| async move {
        if tx.is_maybe_committed() {
            return Err(Error::UnknownResult);
        }
        tx.set(key.as_bytes(), value);
        Ok(())
    };
    db.run("put", attempt).await
}

async fn keys(db: &Db) -> Vec<String> {
    let rows = db.read("keys", |tx| async move { tx.range(Range::prefix("")).await }).await.unwrap();
    rows.into_iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn a_full_disk_refuses_commits_loses_nothing_and_recovers() {
    let disk = Arc::new(Disk::default());
    let db = on(&disk);
    put(&db, "before", b"1").await.unwrap();
    disk.fill();
    let value = vec![7; 90_000];
    let mut refused = 0;
    for number in 0..60 {
        match put(&db, &format!("full/{number:02}"), &value).await {
            Ok(()) => assert_eq!(refused, 0, "the disk stays full"),
            Err(error) => {
                assert!(matches!(error, Error::Storage(_)), "{error:?}");
                refused += 1;
            }
        }
        assert_eq!(keys(&db).await.len(), 1 + number + 1 - refused, "reads go on, and show what was acknowledged");
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3);
    disk.heal();
    put(&db, "healed", &value).await.unwrap();
    assert_eq!(keys(&db).await.last().unwrap(), "healed");
}

#[tokio::test(start_paused = true)]
async fn wherever_a_commit_breaks_it_is_whole_or_absent_and_the_engine_goes_on() {
    for writes in 0..30 {
        let disk = Arc::new(Disk::default());
        let db = on(&disk);
        put(&db, "a", b"1").await.unwrap();
        disk.break_after(writes);
        let result = put(&db, "b", b"2").await;
        disk.heal();
        let expected = |keys: &[String]| match &result {
            Ok(()) => assert_eq!(keys, ["a", "b"], "{writes}"),
            Err(Error::Storage(_)) => assert_eq!(keys, ["a"], "{writes}"),
            Err(Error::UnknownResult) => assert!(keys == ["a"] || keys == ["a", "b"], "{writes}: {keys:?}"),
            Err(other) => panic!("{writes}: {other:?}"),
        };
        expected(&keys(&db).await);
        put(&db, "c", b"3").await.unwrap();
        let found = keys(&db).await;
        expected(&found[..found.len() - 1]);
        drop(db);
        assert_eq!(keys(&on(&disk)).await, found, "{writes}: the file holds what the engine reported");
    }
}

#[tokio::test]
async fn reading_recovers_by_itself_once_the_disk_works_again() {
    let disk = Arc::new(Disk::default());
    let db = on(&disk);
    put(&db, "a", b"1").await.unwrap();
    disk.break_after(0);
    for _ in 0..3 {
        assert!(put(&db, "b", b"1").await.is_err());
    }
    let broken = db.read("look", |tx| async move { tx.get(b"a").await }).await;
    assert!(matches!(broken, Err(Error::Storage(_)) | Ok(Some(_))), "an error or the truth: {broken:?}");
    disk.heal();
    assert_eq!(keys(&db).await, ["a"]);
}

#[tokio::test]
async fn the_size_of_the_file_is_a_metric() {
    let disk = Arc::new(Disk::default());
    let db = on(&disk);
    let size = || db.metrics().file_bytes.load(Ordering::Relaxed);
    put(&db, "small", b"x").await.unwrap();
    let before = size();
    assert_eq!(before, disk.len().unwrap());
    for n in 0..100 {
        put(&db, &format!("large {n}"), &[7; 90_000]).await.unwrap();
    }
    assert!(size() > before);
    assert_eq!(size(), disk.len().unwrap());
}

#[tokio::test]
async fn rows_and_the_order_of_stamps_outlive_a_restart() {
    let directory = TempDir::new().unwrap();
    for round in 0..3u8 {
        let engine = RedbEngine::open(directory.path()).unwrap();
        let db = db(engine);
        let append = db.run("append", |tx| async move {
            tx.set_versionstamped_key(b"log/", b"", &[round]);
            Ok::<(), Error>(())
        });
        append.await.unwrap();
        let log = db.read("log", |tx| async move { tx.range(Range::prefix("log/")).await }).await.unwrap();
        assert_eq!(log.iter().map(|(_, value)| value[0]).collect::<Vec<_>>(), (0..=round).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_store_in_use_is_refused_until_it_is_closed() {
    let directory = TempDir::new().unwrap();
    let first = RedbEngine::open(directory.path()).unwrap();
    let second = RedbEngine::open(directory.path());
    assert!(matches!(second, Err(RedbOpenError::InUse { .. })));
    let held = first.begin();
    held.get(b"a", crate::kv::Isolation::Snapshot).await.unwrap();
    let watch = held.watch(b"a");
    held.commit().await.unwrap();
    first.close().await;
    assert_eq!(watch.await, Err(Error::Closed));
    let again = RedbEngine::open(directory.path()).unwrap();
    put(&db(again), "a", b"1").await.unwrap();
    assert_eq!(first.begin().get(b"a", crate::kv::Isolation::Snapshot).await, Err(Error::Closed));
}

#[tokio::test]
async fn files_that_are_no_store_of_ours_are_refused() {
    let refusal = |write: &dyn Fn(&std::path::Path)| {
        let directory = TempDir::new().unwrap();
        write(&directory.path().join("metastore.redb"));
        RedbEngine::open(directory.path()).err().map(|error| format!("{error}")).unwrap_or_default()
    };
    let garbage = refusal(&|path| std::fs::write(path, vec![b'x'; 8_192]).unwrap());
    assert!(garbage.contains("is not a readable metastore"), "{garbage}");
    let store = |path: &std::path::Path, key: &[u8], value: &[u8]| {
        let table: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
        let transaction = Database::create(path).unwrap().begin_write().unwrap();
        transaction.open_table(table).unwrap().insert(key, value).unwrap();
        transaction.commit().unwrap();
    };
    let newer = refusal(&|path| store(path, b"\xff/format", &9u64.to_be_bytes()));
    assert!(newer.contains("has format 9, which is newer than 2"), "{newer}");
    let foreign = refusal(&|path| store(path, b"a", b"1"));
    assert!(foreign.contains("it has no format number"), "{foreign}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_is_named() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let Err(error) = RedbEngine::open(file.join("below")) else { panic!("a file is no directory") };
    assert!(matches!(error, RedbOpenError::Unusable { .. }));
    assert!(error.to_string().contains("file/below/metastore.redb"), "{error}");
}
