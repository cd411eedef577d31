//! Tests of what only the FoundationDB engine has: the key prefix, outages, watches that outlive them, closing.

#![expect(clippy::unwrap_used, reason = "a test that fails is to stop")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use alluvium_fdb_server::{FdbServer, Storage, unique_prefix};
use alluvium_metastore::kv::{Db, Engine, Error, FdbEngine, FdbOptions, Isolation, Range, Tx, limits};
use alluvium_runtime::SystemRng;
use futures::future::join_all;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

/// Deadline for what happens at once on an idle machine.
const TIMEOUT: Duration = Duration::from_secs(60);
const CLIENTS: u64 = 8;
const KILLS: usize = 3;

async fn engine(server: &FdbServer, prefix: &str) -> Arc<FdbEngine> {
    let options =
        FdbOptions { cluster_file: Some(server.cluster_file()), prefix: prefix.as_bytes().to_vec(), library: None };
    Arc::new(FdbEngine::open(options).await.unwrap())
}

async fn open(server: &FdbServer, prefix: &str) -> Db {
    Db::new(engine(server, prefix).await, Arc::new(SystemRng))
}

async fn put(db: &Db, key: &[u8], value: &[u8]) -> Result<(), Error> {
    db.run("put", |tx| async move {
        tx.set(key, value);
        Ok(())
    })
    .await
}

async fn everything(db: &Db) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = db.read("everything", |tx| async move { tx.range(Range::prefix("")).await }).await.unwrap();
    rows.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

#[tokio::test]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn nothing_outside_the_prefix_is_read_or_written_on_fdb() {
    let server = FdbServer::shared();
    let prefix = unique_prefix();
    // Two of the prefixes begin with the first one: only the byte that ends a prefix keeps their keys apart.
    let dbs =
        join_all(["", "2", "\x7e"].map(|end| format!("{prefix}{end}")).map(async |prefix| open(server, &prefix).await));
    let dbs = dbs.await;
    for (db, value) in dbs.iter().zip([b"one", b"two", b"tre"]) {
        put(db, b"", value).await.unwrap();
        put(db, b"2", value).await.unwrap();
        put(db, b"\xfe\xff", value).await.unwrap();
        db.run("stamp", |tx| async move {
            tx.set_versionstamped_key(b"log/", b"/end", value);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
    for (db, value) in dbs.iter().zip([b"one", b"two", b"tre"]) {
        let found = everything(db).await;
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|(_, found)| found == value), "{found:?}");
        assert!(found.iter().any(|(key, _)| key.len() == 18 && key.starts_with(b"log/") && key.ends_with(b"/end")));
    }
    dbs[0]
        .run("clear", |tx| async move {
            tx.clear_range(b"", b"\xff");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let left = join_all(dbs.iter().map(everything)).await;
    assert_eq!(left.iter().map(Vec::len).collect::<Vec<_>>(), [0, 4, 4]);
}

#[tokio::test]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn a_watch_on_fdb_outlives_the_timeout_of_its_attempt() {
    let db = open(FdbServer::shared(), &unique_prefix()).await;
    let watch = db.read("watch", |tx| async move { Ok::<_, Error>(tx.watch(b"a")) }).await.unwrap();
    sleep(limits::COMMIT_TIMEOUT + Duration::from_secs(1)).await;
    put(&db, b"a", b"1").await.unwrap();
    assert_eq!(timeout(TIMEOUT, watch).await, Ok(Ok(())));
}

#[tokio::test]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn a_closed_engine_on_fdb_returns_closed_and_ends_its_watches() {
    let engine = engine(FdbServer::shared(), &unique_prefix()).await;
    let attempt = engine.begin();
    let watch = attempt.watch(b"a");
    attempt.commit().await.unwrap();
    engine.close().await;
    assert_eq!(timeout(TIMEOUT, watch).await, Ok(Err(Error::Closed)));
    assert_eq!(engine.begin().get(b"a", Isolation::Snapshot).await, Err(Error::Closed));
    assert_eq!(engine.begin().commit().await, Err(Error::Closed));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn transactions_time_out_while_fdb_is_down_and_succeed_once_it_is_up() {
    let mut server = spawn_blocking(|| FdbServer::start(Storage::Ssd)).await.unwrap();
    let db = open(&server, &unique_prefix()).await;
    put(&db, b"a", b"1").await.unwrap();
    let watch = db.read("watch", |tx| async move { Ok::<_, Error>(tx.watch(b"a")) }).await.unwrap();
    server.kill();

    let began = Instant::now();
    let read = db.read("get", |tx| async move { tx.get(b"a").await });
    let (read, written) = tokio::join!(read, put(&db, b"b", b"1"));
    for error in [read.map(drop).unwrap_err(), written.unwrap_err()] {
        assert!(matches!(error, Error::GaveUp { .. }), "{error}");
        // A transaction that only writes also knows that nothing was sent.
        assert!(error.to_string().contains("FoundationDB does not answer"), "{error}");
        assert!(!error.is_maybe_committed(), "{error}");
    }
    let longest = limits::RUN_DEADLINE + limits::COMMIT_TIMEOUT + TIMEOUT;
    assert!(began.elapsed() < longest, "{:?}", began.elapsed());

    let server = spawn_blocking(move || {
        server.restart();
        server
    });
    let _server = server.await.unwrap();
    put(&db, b"a", b"2").await.unwrap();
    assert_eq!(timeout(TIMEOUT, watch).await, Ok(Ok(())), "the watch is still armed");
    assert_eq!(everything(&db).await, [(b"a".to_vec(), b"2".to_vec())]);
}

/// Adds one to the client's count, unless an earlier attempt or run did.
async fn count_on(tx: Tx, client: u64, id: u64) -> Result<(), Error> {
    let done = [b"done/", &client.to_be_bytes()[..], &id.to_be_bytes()].concat();
    if tx.get(&done).await?.is_none() {
        tx.set(&done, b"");
        tx.add(&[b"count/", &client.to_be_bytes()[..]].concat(), 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn increments_during_kills_of_fdb_count_once() {
    let mut server = spawn_blocking(|| FdbServer::start(Storage::Ssd)).await.unwrap();
    let db = open(&server, &unique_prefix()).await;
    let (stop, committed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (db, stop, committed) = (db.clone(), stop.clone(), committed.clone());
            tokio::spawn(async move {
                let mut count = 0;
                while !stop.load(Ordering::SeqCst) {
                    // A run that gave up is repeated with the same id, as a segment's commit is.
                    while let Err(error) = db.run("count", |tx| count_on(tx, client, count)).await {
                        assert!(matches!(error, Error::GaveUp { .. }), "{error}");
                    }
                    count += 1;
                    committed.fetch_add(1, Ordering::SeqCst);
                }
                count
            })
        })
        .collect();
    for _ in 0..KILLS {
        let before = committed.load(Ordering::SeqCst);
        timeout(TIMEOUT, async {
            while committed.load(Ordering::SeqCst) < before + 100 {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .expect("clients go on");
        let restarted = spawn_blocking(move || {
            server.kill();
            server.restart();
            server
        });
        server = restarted.await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    for (client, task) in (0..CLIENTS).zip(clients) {
        let acknowledged = task.await.unwrap();
        let count =
            db.read("count", |tx| async move { tx.get(&[b"count/", &client.to_be_bytes()[..]].concat()).await });
        let count = u64::from_le_bytes(count.await.unwrap().unwrap().as_ref().try_into().unwrap());
        assert_eq!(count, acknowledged, "client {client}");
    }
}
