//! FoundationDB as the metastore: errors at start name what is missing, faults are survived, several clusters share
//! one.

use std::{fs, future::ready, path::Path, sync::Arc, time::Duration};

use alluvium_fdb_server::{FdbServer, Storage, unique_prefix};
use alluvium_metastore::{
    cluster::FORMAT_VERSION,
    keyspace::{Key, RowWriter, Tag},
    kv::{self, Db, FdbEngine, FdbOptions, Tx},
};
use alluvium_runtime::SystemRng;
use rskafka::client::partition::Compression;
use tokio::task::block_in_place;

use crate::{
    load::Load,
    metastores::on_fdb,
    records::{connect, read_all, record, topic},
    server::{free_port, run, wait_until},
};

/// Batches to be acknowledged between two faults.
const BATCHES: u64 = 40;
/// Longer than an attempt takes, and than FoundationDB waits before it suspects a server.
const PAUSED: Duration = Duration::from_secs(8);

/// Runs `alluvium dev` with `args`, which must fail to start. Returns its output.
fn start_error(args: &[&str]) -> String {
    let data = tempfile::tempdir().expect("a directory");
    let data = data.path().display().to_string();
    let (kafka, http) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let common = ["dev", "--data-dir", &data, "--kafka-listen", &kafka, "--http-listen", &http];
    let (status, output) = run(&[&common, args].concat());
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(!output.contains("panicked"), "{output}");
    output
}

fn cluster_file(directory: &Path, text: &str) -> String {
    let file = directory.join("fdb.cluster");
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

#[test]
fn a_missing_client_library_is_named_with_what_to_install() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = cluster_file(directory.path(), "test:test@127.0.0.1:1");
    let output = start_error(&["--metastore", &format!("fdb://{file}"), "--fdb-library", "/no/such/libfdb_c.so"]);
    for named in ["/no/such/libfdb_c.so", "foundationdb-clients", "7.3 or newer", "--fdb-library"] {
        assert!(output.contains(named), "{output}");
    }
}

#[test]
fn a_cluster_file_that_cannot_be_read_is_named() {
    let output = start_error(&["--metastore", "fdb:///no/such/fdb.cluster"]);
    assert!(output.contains("cluster file /no/such/fdb.cluster"), "{output}");
    let directory = tempfile::tempdir().expect("a directory");
    let file = cluster_file(directory.path(), "nonsense");
    let output = start_error(&["--metastore", &format!("fdb://{file}")]);
    assert!(output.contains(&file) && output.contains("names no coordinators"), "{output}");
}

#[test]
#[ignore = "needs FoundationDB: FDB_HOME"]
fn fdb_that_does_not_answer_is_named_in_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = format!("127.0.0.1:{}", free_port());
    let file = cluster_file(directory.path(), &format!("test:test@{address}"));
    let output = start_error(&["--metastore", &format!("fdb://{file}")]);
    assert!(output.contains(&address) && output.contains(&file) && output.contains("is it running"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn fdb_of_a_newer_format_is_left_alone_and_both_versions_are_named() {
    let (file, prefix) = (FdbServer::shared().cluster_file(), unique_prefix());
    let options = FdbOptions { cluster_file: Some(file.clone()), prefix: prefix.clone().into_bytes(), library: None };
    let engine = FdbEngine::open(options).await.expect("a fresh server answers");
    let db = Db::new(Arc::new(engine), Arc::new(SystemRng));
    let newer = RowWriter::new(1).u32(FORMAT_VERSION + 1).text("what a newer one adds").finish();
    let write = |tx: Tx| {
        tx.set(&Key::new(Tag::FORMAT).bytes(), &newer);
        ready(Ok::<_, kv::Error>(()))
    };
    db.run("test", write).await.expect("written");
    let location = format!("fdb://{}", file.display());
    let output = block_in_place(|| start_error(&["--metastore", &location, "--metastore-prefix", &prefix]));
    let found = format!("format version {}", FORMAT_VERSION + 1);
    let supported = format!("up to version {FORMAT_VERSION}");
    assert!(output.contains(&found) && output.contains(&supported), "{output}");
    assert!(output.contains(&prefix), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn clusters_that_share_fdb_know_nothing_of_each_other() {
    let [one, other] = [on_fdb(FdbServer::shared(), &[]), on_fdb(FdbServer::shared(), &[])]
        .map(|server| block_in_place(|| server.started()));
    for (server, first) in [(&one, 0), (&other, 100)] {
        let client = connect(server).await;
        let log = topic(&client, "same-name", 1).await;
        let sent: Vec<_> = (first..first + 10).map(record).collect();
        let offsets = log.produce(sent.clone(), Compression::Lz4).await.expect("produced");
        assert_eq!(offsets, (0..10).collect::<Vec<i64>>());
        let found: Vec<_> = read_all(&log, 0).await.into_iter().map(|(_, record)| record).collect();
        assert_eq!(found, sent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn an_fdb_that_is_killed_or_paused_in_mid_load_loses_and_repeats_nothing() {
    let mut fdb = block_in_place(|| FdbServer::start(Storage::Ssd));
    let server =
        block_in_place(|| on_fdb(&fdb, &["--compaction-interval", "100ms", "--compaction-age", "0s"]).started());
    let load = Load::start(&server, "outages").await;
    load.progress(BATCHES);
    block_in_place(|| {
        fdb.kill();
        fdb.restart();
    });
    load.progress(BATCHES);
    block_in_place(|| {
        fdb.signal("STOP");
        std::thread::sleep(PAUSED);
        fdb.signal("CONT");
        assert!(wait_until(|| server.is_ready()), "{}", server.logged());
    });
    load.progress(BATCHES);
    load.finish(&server).await;
}
