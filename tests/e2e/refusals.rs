//! Rejected configurations and data directories: the message names what is wrong, and the exit code is not 0.

use std::{fs, future::ready, net::TcpListener, path::Path, sync::Arc};

use alluvium_metastore::{
    cluster::FORMAT_VERSION,
    keyspace::{Key, RowWriter, Tag},
    kv::{self, Db, RedbEngine, Tx},
};
use alluvium_runtime::SystemRng;

use crate::{
    s3::{Asked, Fault, Rule, S3},
    server::{Server, free_port, run},
    small_disk::SmallDisk,
};

/// Size of a disk, MiB: enough for an empty data directory.
const MIB: usize = 16;

/// Runs `alluvium dev` with `args` on `data`, which must refuse to start. Returns its output.
fn refusal(data: &Path, args: &[&str]) -> String {
    let data = data.display().to_string();
    let (kafka, http) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let common = ["dev", "--data-dir", &data, "--kafka-listen", &kafka, "--http-listen", &http];
    let (status, said) = run(&[&common, args].concat());
    assert!(!status.success(), "it started: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
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
        let (status, said) = run(&["dev", "--data-dir", &data, flag, &address, other, &free]);
        assert!(!status.success() && said.contains(&address) && said.contains("taken"), "{said}");
    }
}

#[test]
fn a_data_directory_in_use_is_named() {
    let server = Server::start(&[]);
    let said = refusal(&server.data(), &[]);
    assert!(said.contains("in use by another process"), "{said}");
}

#[test]
fn a_data_directory_that_is_a_file_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("occupied");
    fs::write(&file, "not a directory").expect("written");
    let said = refusal(&file, &[]);
    assert!(said.contains("occupied"), "{said}");
}

#[test]
fn a_metastore_that_is_none_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let metastore = directory.path().join("metastore");
    fs::create_dir_all(&metastore).expect("made");
    fs::write(metastore.join("metastore.redb"), vec![0x5a; 8192]).expect("written");
    let said = refusal(directory.path(), &[]);
    assert!(said.contains("metastore.redb"), "{said}");
}

#[test]
fn a_data_directory_below_a_file_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("occupied");
    fs::write(&file, "not a directory").expect("written");
    let said = refusal(&file.join("data"), &[]);
    assert!(said.contains("occupied/data"), "{said}");
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
        let said = refusal(&disk.path().join("data"), &[]);
        assert!(said.contains(&disk.path().display().to_string()) && said.contains("denied"), "{said}");
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
    let said = refusal(directory.path(), &[]);
    let found = format!("format version {}", FORMAT_VERSION + 1);
    let supported = format!("up to version {FORMAT_VERSION}");
    assert!(said.contains(&found) && said.contains(&supported), "{said}");
    assert!(said.contains(&metastore.display().to_string()), "{said}");
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
        let said = refusal(directory.path(), &args);
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn an_unknown_key_in_the_file_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("alluvium.toml");
    fs::write(&file, "lingre = \"1s\"\n").expect("written");
    let said = refusal(directory.path(), &["--config", &file.display().to_string()]);
    assert!(said.contains("lingre") && said.contains("alluvium.toml"), "{said}");
}

#[test]
fn an_s3_server_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let said = refusal(directory.path(), &["--store", "s3://bucket/p", "--s3-endpoint", &endpoint]);
    assert!(said.contains("s3://bucket/p"), "{said}");
}

#[test]
fn a_bucket_that_is_not_there_or_denies_access_is_named() {
    let s3 = S3::start();
    let (status, said) = s3.prepare(&["--store", "s3://nowhere/p"]).run();
    assert!(!status.success() && said.contains("s3://nowhere/p") && said.contains("no such bucket"), "{said}");
    s3.inject(Rule::always(Fault::DENIED));
    let (status, said) = s3.prepare(&[]).run();
    assert!(!status.success() && said.contains("s3://b/p") && said.contains("access denied"), "{said}");
}

#[test]
fn a_bucket_that_may_be_read_but_not_written_is_named() {
    let s3 = S3::start();
    s3.inject(Rule::on(Asked::Put, Fault::DENIED));
    let (status, said) = s3.prepare(&[]).run();
    assert!(!status.success() && said.contains("s3://b/p") && said.contains("access denied"), "{said}");
}

#[test]
fn a_bucket_that_does_not_answer_at_the_start_is_named_in_time() {
    let s3 = S3::start();
    s3.inject(Rule::always(Fault::Hang));
    let (status, said) = s3.prepare(&[]).run();
    assert!(!status.success() && said.contains("s3://b/p") && said.contains("timed out"), "{said}");
}
