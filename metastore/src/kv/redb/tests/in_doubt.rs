//! Commits beside the writes of objects, on a real file: what is answered when, and what a restart decides.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use ::redb::{Database, ReadableTable, TableDefinition};
use tempfile::TempDir;

use super::{Disk, db, keys, put};
use crate::kv::{Db, Error, ObjectName, ObjectWitness, PendingObject, RedbEngine, RedbOpenError};
use crate::kv::{
    embedded::{Batch, Embedded, InDoubt, Snapshot, Storage},
    redb::storage::RedbStorage,
};
use bytes::Bytes;

/// Knows the objects that a test lets survive; any other cannot be read.
#[derive(Debug)]
struct Witness {
    store: &'static str,
    survived: Mutex<BTreeMap<String, bool>>,
}

impl Witness {
    fn of(store: &'static str, survived: &[(&str, bool)]) -> Arc<Self> {
        let survived = survived.iter().map(|(key, survived)| ((*key).to_owned(), *survived)).collect();
        Arc::new(Self { store, survived: Mutex::new(survived) })
    }
}

impl ObjectWitness for Witness {
    fn store(&self) -> &str {
        self.store
    }

    fn has_survived(&self, object: &ObjectName) -> io::Result<bool> {
        assert_eq!(object.bytes, 5);
        self.survived.lock().unwrap().get(&object.key).copied().ok_or_else(|| io::Error::other("the disk fails"))
    }
}

/// A commit of row `key` that needs the object `object`.
async fn put_beside(db: &Db, key: &str, object: &PendingObject) -> Result<(), Error> {
    let attempt = |tx: crate::kv::Tx| async move {
        tx.set(key.as_bytes(), b"1");
        tx.commit_beside(object.clone());
        Ok(())
    };
    db.run("put_beside", attempt).await
}

fn pending(key: &str) -> (PendingObject, crate::kv::WriteReport) {
    PendingObject::new(key.to_owned(), 5)
}

/// A copy of the store in `directory`, as it is on its disk now.
fn copied(directory: &TempDir) -> TempDir {
    let copy = TempDir::new().unwrap();
    std::fs::copy(directory.path().join("metastore.redb"), copy.path().join("metastore.redb")).unwrap();
    copy
}

fn open(directory: &Path, witness: Arc<Witness>) -> Result<Db, RedbOpenError> {
    RedbEngine::open_beside(directory, witness).map(db)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_answered_and_visible_only_once_its_object_is_durable() {
    let directory = TempDir::new().unwrap();
    let db = open(directory.path(), Witness::of("here", &[])).unwrap();
    assert!(db.takes_pending_objects());
    let (object, report) = pending("o");
    let is_reported = Arc::new(AtomicBool::new(false));
    let batches = || db.metrics().batches.load(Ordering::Relaxed);
    let commit = tokio::spawn({
        let (db, is_reported) = (db.clone(), is_reported.clone());
        async move {
            put_beside(&db, "a", &object).await.unwrap();
            assert!(is_reported.load(Ordering::Acquire));
        }
    });
    while batches() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(keys(&db).await, [""; 0], "durable, and not visible");
    is_reported.store(true, Ordering::Release);
    report.report(true);
    commit.await.unwrap();
    assert_eq!(keys(&db).await, ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_object_is_not_written_is_undone_and_those_beside_it_go_on() {
    let directory = TempDir::new().unwrap();
    let db = open(directory.path(), Witness::of("here", &[])).unwrap();
    put(&db, "before", b"1").await.unwrap();
    for is_dropped in [false, true] {
        let ((object, report), (other, other_report)) = (pending("lost"), pending("kept"));
        let lost = tokio::spawn({
            let db = db.clone();
            async move { put_beside(&db, "before", &object).await }
        });
        let beside: Vec<_> = (0..20)
            .map(|number| {
                let (db, other) = (db.clone(), other.clone());
                tokio::spawn(async move { put_beside(&db, &format!("beside/{number}"), &other).await })
            })
            .collect();
        other_report.report(true);
        if is_dropped {
            drop(report);
        } else {
            report.report(false);
        }
        assert_eq!(lost.await.unwrap(), Err(Error::ObjectNotWritten { key: "lost".to_owned() }));
        for commit in beside {
            commit.await.unwrap().unwrap();
        }
    }
    let found = keys(&db).await;
    assert_eq!(found.len(), 21, "{found:?}");
    drop(db);
    assert_eq!(keys(&open(directory.path(), Witness::of("here", &[])).unwrap()).await, found);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_the_witness_decides_about_the_last_commit() {
    let directory = TempDir::new().unwrap();
    let db = open(directory.path(), Witness::of("here", &[])).unwrap();
    put(&db, "a", b"1").await.unwrap();
    let (object, report) = pending("o");
    report.report(true);
    put_beside(&db, "b", &object).await.unwrap();
    let crashed = |survived: &[(&str, bool)], store| {
        let copy = copied(&directory);
        let opened = open(copy.path(), Witness::of(store, survived));
        (copy, opened)
    };
    let (_copy, kept) = crashed(&[("o", true)], "here");
    assert_eq!(keys(&kept.unwrap()).await, ["a", "b"]);
    let (copy, undone) = crashed(&[("o", false)], "here");
    let undone = undone.unwrap();
    assert_eq!(keys(&undone).await, ["a"]);
    put(&undone, "c", b"1").await.unwrap();
    drop(undone);
    assert_eq!(keys(&db_without(copy.path())).await, ["a", "c"], "it is decided for good");
    let refusal = |opened: Result<Db, RedbOpenError>| match opened {
        Err(error @ RedbOpenError::Undecided { .. }) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was decided"),
    };
    let elsewhere = refusal(crashed(&[("o", false)], "elsewhere").1);
    assert!(elsewhere.contains("start once with the objects in here"), "{elsewhere}");
    let unreadable = refusal(crashed(&[], "here").1);
    assert!(unreadable.contains("object o: the disk fails"), "{unreadable}");
    let copy = copied(&directory);
    assert!(matches!(RedbEngine::open(copy.path()), Err(RedbOpenError::Undecided { .. })));
    // A store that was closed needs no witness.
    drop(db);
    assert_eq!(keys(&db_without(directory.path())).await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_disk_breaks_under_a_commit_in_doubt_those_before_it_stay() {
    for writes in 0..60 {
        let disk = Arc::new(Disk::default());
        // None is found: what was acknowledged does not depend on it while this process runs.
        let witness = Witness::of("here", &[("kept", false), ("lost", false)]);
        let storage = RedbStorage::new(disk.clone(), None, Some(witness)).unwrap();
        let db = db(Embedded::new(storage).unwrap());
        let ((kept, kept_report), (lost, lost_report)) = (pending("kept"), pending("lost"));
        kept_report.report(true);
        put_beside(&db, "kept", &kept).await.unwrap();
        lost_report.report(false);
        disk.break_after(writes);
        put_beside(&db, "lost", &lost).await.unwrap_err();
        disk.heal();
        assert_eq!(keys(&db).await, ["kept"], "{writes}");
        put(&db, "later", b"1").await.unwrap();
        assert_eq!(keys(&db).await, ["kept", "later"], "{writes}");
    }
}

#[test]
fn a_batch_whose_objects_are_durable_stays_whatever_becomes_of_them_while_the_process_runs() {
    for is_trusted in [false, true] {
        let witness = Witness::of("here", &[("o", false)]);
        let mut storage = RedbStorage::new(Arc::new(Disk::default()), None, Some(witness)).unwrap();
        let row = Bytes::from_static(b"a");
        let in_doubt =
            InDoubt { objects: vec![ObjectName { key: "o".to_owned(), bytes: 5 }], undo: vec![(row.clone(), None)] };
        let version = storage.snapshot().unwrap().version().next();
        let rows = [(row.clone(), Some(Bytes::from_static(b"1")))].into();
        storage.apply(&Batch { version, rows, in_doubt: Some(in_doubt), ..Batch::default() }).unwrap();
        if is_trusted {
            storage.trust();
        }
        storage.recover().unwrap();
        assert_eq!(storage.snapshot().unwrap().get(&row).unwrap().is_some(), is_trusted);
    }
}

fn db_without(directory: &Path) -> Db {
    db(RedbEngine::open(directory).unwrap())
}

#[tokio::test]
async fn without_a_witness_the_object_comes_first() {
    let directory = TempDir::new().unwrap();
    let db = db_without(directory.path());
    assert!(!db.takes_pending_objects());
    let ((lost, report), (kept, kept_report)) = (pending("lost"), pending("kept"));
    report.report(false);
    kept_report.report(true);
    assert_eq!(put_beside(&db, "a", &lost).await, Err(Error::ObjectNotWritten { key: "lost".to_owned() }));
    put_beside(&db, "b", &kept).await.unwrap();
    assert_eq!(keys(&db).await, ["b"]);
}

#[tokio::test]
async fn a_store_of_the_format_before_is_opened() {
    let directory = TempDir::new().unwrap();
    put(&db_without(directory.path()), "a", b"1").await.unwrap();
    let table: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
    let set_format = |format: u64| {
        let database = Database::open(directory.path().join("metastore.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        let before = {
            let mut rows = transaction.open_table(table).unwrap();
            let before = rows.get(&b"\xff/format"[..]).unwrap().unwrap().value().to_vec();
            rows.insert(&b"\xff/format"[..], &format.to_be_bytes()[..]).unwrap();
            before
        };
        transaction.commit().unwrap();
        u64::from_be_bytes(before.try_into().unwrap())
    };
    assert_eq!(set_format(1), 2);
    assert_eq!(keys(&db_without(directory.path())).await, ["a"]);
    assert_eq!(set_format(2), 2, "it was changed by opening it");
}
