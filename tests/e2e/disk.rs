//! A full disk: errors instead of a crash, and no acknowledged record is lost.

use rskafka::client::partition::Compression;
use tokio::task::block_in_place;

use crate::{
    load::Load,
    records::{connect, read_all, record, topic},
    server::{Server, wait_until},
    small_disk::SmallDisk,
};

/// Size of a disk, MiB: several times what the tests write.
const MIB: usize = 64;
/// Batches to be acknowledged before and after the disk is full.
const BATCHES: u64 = 30;
/// Segments given up while the disk is full.
const GIVEN_UP: u64 = 5;
/// Commits that fail while the disk is full.
const COMMITS_FAILED: usize = 5;
const COMPACTING: [&str; 4] = ["--compaction-interval", "100ms", "--compaction-age", "0s"];

fn given_up(server: &Server) -> u64 {
    server.metric("alluvium_upload_failures_total")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_stops_producers_and_nothing_else_until_there_is_room_again() {
    let Some(disk) = SmallDisk::mount(MIB) else { return };
    let server = Server::prepare(&COMPACTING).with_data(&disk.path().join("data")).started();
    let client = connect(&server).await;
    let log = topic(&client, "before", 1).await;
    log.produce((0..100).map(record).collect(), Compression::NoCompression).await.expect("there is room");
    let mut written = 100;
    let load = Load::start(&server, "full").await;
    for _ in 0..2 {
        load.progress(BATCHES);
        block_in_place(|| {
            let before = given_up(&server);
            assert!(
                wait_until(|| {
                    // The compactor frees space again and again.
                    disk.fill();
                    given_up(&server) >= before + GIVEN_UP
                }),
                "uploads go on although the disk is full"
            );
            assert!(server.get("/healthz").expect("an answer").contains("200 OK"), "it lives");
        });
        assert_eq!(read_all(&log, 0).await.len(), written, "consumers read");
        // A small record finds room while an upload that failed gives its own back.
        while log.produce(vec![record(0)], Compression::NoCompression).await.is_ok() {
            written += 1;
            disk.fill();
        }
        disk.free();
        block_in_place(|| assert!(wait_until(|| server.is_ready()), "{:?}", server.get("/readyz")));
    }
    load.progress(BATCHES);
    load.finish(&server).await;
    assert!(!server.logged().contains("panicked"), "{}", server.logged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_killed_on_a_full_disk_has_everything_once_there_is_room() {
    let Some(disk) = SmallDisk::mount(MIB) else { return };
    let mut server = Server::prepare(&COMPACTING).with_data(&disk.path().join("data")).started();
    let load = Load::start(&server, "full").await;
    load.progress(BATCHES);
    block_in_place(|| {
        disk.fill();
        assert!(wait_until(|| given_up(&server) >= GIVEN_UP));
        server.kill();
        disk.fill();
        let (status, output) = server.run();
        assert!(!status.success() && output.contains("no space left"), "{output}");
        let (status, output) = server.compact_anyway();
        assert!(!status.success() && !output.contains("panicked"), "{output}");
        disk.free();
        server.restart();
    });
    load.progress(BATCHES);
    load.finish(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_of_the_metastore_stops_producers_and_nothing_else_until_there_is_room_again() {
    let Some(disk) = SmallDisk::mount(MIB) else { return };
    let metastore = format!("redb:{}", disk.path().join("metastore").display());
    let server = Server::start(&["--metastore", &metastore, "--compaction-interval", "1h"]);
    let client = connect(&server).await;
    let log = topic(&client, "before", 1).await;
    log.produce((0..100).map(record).collect(), Compression::NoCompression).await.expect("there is room");
    let load = Load::start(&server, "full").await;
    load.progress(BATCHES);
    block_in_place(|| {
        disk.fill();
        let failed = || server.logged().matches("commit failed").count() >= COMMITS_FAILED;
        assert!(wait_until(failed), "commits go on although the disk is full");
        assert!(server.get("/healthz").expect("an answer").contains("200 OK"), "it lives");
    });
    assert_eq!(read_all(&log, 0).await.len(), 100, "consumers read");
    disk.free();
    block_in_place(|| assert!(wait_until(|| server.is_ready()), "{:?}", server.get("/readyz")));
    load.progress(BATCHES);
    load.finish(&server).await;
    assert!(!server.logged().contains("panicked"), "{}", server.logged());
}
