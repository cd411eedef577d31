//! Rejected configurations and data directories: the message names what is wrong, and the exit code is not 0.

use std::{fs, future::ready, net::TcpListener, path::Path, sync::Arc};

use alluvium_metastore::{
    cluster::FORMAT_VERSION,
    keyspace::{Key, RowWriter, Tag},
    kv::{self, Db, RedbEngine, Tx},
};
use alluvium_runtime::SystemRng;

use crate::{
    s3::{Fault, RequestKind, Rule, S3},
    server::{Server, free_port, run},
    small_disk::SmallDisk,
};

/// Size of a disk, MiB: enough for an empty data directory.
const MIB: usize = 16;

/// Runs `alluvium dev` with `args` on `data`, which must fail to start. Returns its output.
fn start_error(data: &Path, args: &[&str]) -> String {
    let data = data.display().to_string();
    let (kafka, http) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let common = ["dev", "--data-dir", &data, "--kafka-listen", &kafka, "--http-listen", &http];
    let (status, output) = run(&[&common, args].concat());
    assert!(!status.success(), "it started: {output}");
    assert!(!output.contains("panicked"), "{output}");
    output
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let data = tempfile::tempdir().expect("a directory");
    for flag in ["--kafka-listen", "--http-listen"] {
        let other = if flag == "--kafka-listen" { "--http-listen" } else { "--kafka-listen" };
        let free = format!("127.0.0.1:{}", free_port());
        let data = data.path().display().to_string();
        let (status, output) = run(&["dev", "--data-dir", &data, flag, &address, other, &free]);
        assert!(!status.success() && output.contains(&address) && output.contains("taken"), "{output}");
    }
}

#[test]
fn a_data_directory_in_use_is_named() {
    let server = Server::start(&[]);
    let output = start_error(&server.data(), &[]);
    assert!(output.contains("in use by another process"), "{output}");
}

#[test]
fn a_data_directory_that_is_a_file_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("occupied");
    fs::write(&file, "not a directory").expect("written");
    let output = start_error(&file, &[]);
    assert!(output.contains("occupied"), "{output}");
}

#[test]
fn a_metastore_that_is_none_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let metastore = directory.path().join("metastore");
    fs::create_dir_all(&metastore).expect("made");
    fs::write(metastore.join("metastore.redb"), vec![0x5a; 8192]).expect("written");
    let output = start_error(directory.path(), &[]);
    assert!(output.contains("metastore.redb"), "{output}");
}

#[test]
fn a_data_directory_below_a_file_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("occupied");
    fs::write(&file, "not a directory").expect("written");
    let output = start_error(&file.join("data"), &[]);
    assert!(output.contains("occupied/data"), "{output}");
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let Some(disk) = SmallDisk::mount(MIB) else { return };
    for existing in [false, true] {
        let server = Server::prepare(&[]).with_data(&disk.path().join("data"));
        if existing {
            drop(server.started());
        }
        disk.set_read_only(true);
        let output = start_error(&disk.path().join("data"), &[]);
        assert!(output.contains(&disk.path().display().to_string()) && output.contains("denied"), "{output}");
        disk.set_read_only(false);
    }
}

#[tokio::test]
async fn a_data_directory_of_a_newer_format_is_left_alone_and_both_versions_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let metastore = directory.path().join("metastore");
    let engine = Arc::new(RedbEngine::open(metastore.clone()).expect("opened"));
    let db = Db::new(engine.clone(), Arc::new(SystemRng));
    let newer = RowWriter::new(1).u32(FORMAT_VERSION + 1).text("what a newer one adds").finish();
    let write = |tx: Tx| {
        tx.set(&Key::new(Tag::FORMAT).bytes(), &newer);
        ready(Ok::<_, kv::Error>(()))
    };
    db.run("test", write).await.expect("written");
    drop(db);
    engine.close().await;
    drop(engine);
    let output = start_error(directory.path(), &[]);
    let found = format!("format version {}", FORMAT_VERSION + 1);
    let supported = format!("up to version {FORMAT_VERSION}");
    assert!(output.contains(&found) && output.contains(&supported), "{output}");
    assert!(output.contains(&metastore.display().to_string()), "{output}");
}

#[test]
fn wrong_options_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    for (args, named) in [
        (["--store", "gs://bucket"], "--store gs://bucket"),
        (["--linger", "soon"], "--linger"),
        (["--no-such-option", "1"], "--no-such-option"),
        (["--config", "/no/such/file.toml"], "/no/such/file.toml"),
        (["--metastore", "etcd:host"], "expected redb:DIR, or fdb:///path/to/fdb.cluster"),
    ] {
        let output = start_error(directory.path(), &args);
        assert!(output.contains(named), "{output}");
    }
}

#[test]
fn an_unknown_key_in_the_file_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("alluvium.toml");
    fs::write(&file, "lingre = \"1s\"\n").expect("written");
    let output = start_error(directory.path(), &["--config", &file.display().to_string()]);
    assert!(output.contains("lingre") && output.contains("alluvium.toml"), "{output}");
}

#[test]
fn an_s3_server_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let output = start_error(directory.path(), &["--store", "s3://bucket/p", "--s3-endpoint", &endpoint]);
    assert!(output.contains("s3://bucket/p"), "{output}");
}

#[test]
fn a_bucket_that_is_not_there_or_denies_access_is_named() {
    let s3 = S3::start();
    let (status, output) = s3.prepare(&["--store", "s3://nowhere/p"]).run();
    assert!(!status.success() && output.contains("s3://nowhere/p") && output.contains("no such bucket"), "{output}");
    s3.inject(Rule::always(Fault::DENIED));
    let (status, output) = s3.prepare(&[]).run();
    assert!(!status.success() && output.contains("s3://b/p") && output.contains("access denied"), "{output}");
}

#[test]
fn a_bucket_that_may_be_read_but_not_written_is_named() {
    let s3 = S3::start();
    s3.inject(Rule::on(RequestKind::Put, Fault::DENIED));
    let (status, output) = s3.prepare(&[]).run();
    assert!(!status.success() && output.contains("s3://b/p") && output.contains("access denied"), "{output}");
}

#[test]
fn a_bucket_that_does_not_answer_at_the_start_is_named_in_time() {
    let s3 = S3::start();
    s3.inject(Rule::always(Fault::Hang));
    let (status, output) = s3.prepare(&[]).run();
    assert!(!status.success() && output.contains("s3://b/p") && output.contains("timed out"), "{output}");
}
