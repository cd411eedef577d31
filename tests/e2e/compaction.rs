//! Compaction turns segments into history, and consumers read the same records.

use rskafka::client::partition::Compression;

use crate::{
    metastores::{Metastore, on_each_metastore},
    records::{connect, partition, read_all, record, topic},
    server::files,
};

on_each_metastore! {
    records_read_the_same_before_and_after_they_become_history,
    compacting_what_is_compacted_does_nothing,
}

async fn records_read_the_same_before_and_after_they_become_history(metastore: Metastore) {
    let mut server = metastore.start(&["--retire-grace", "0s"]);
    let client = connect(&server).await;
    let log = topic(&client, "history", 2).await;
    for codec in [Compression::NoCompression, Compression::Gzip, Compression::Zstd] {
        log.produce((0..100).map(record).collect(), codec).await.expect("produced");
    }
    let before = read_all(&log, 0).await;

    assert!(server.stop().success(), "drains and ends well");
    let output = server.compact();
    assert!(output.contains("history files written"), "{output}");
    let objects = server.data().join("objects");
    assert_eq!(files(&objects, ".parquet").len(), 1, "one file for the one partition with records");
    assert_eq!(files(&objects, ".seg"), Vec::<std::path::PathBuf>::new(), "inputs are deleted after the grace");

    server.restart();
    let client = connect(&server).await;
    let log = partition(&client, "history", 0).await;
    for _ in 0..2 {
        let moves = || server.metric("alluvium_low_priority_wait_seconds_count");
        let moved = moves();
        assert_eq!(read_all(&log, 0).await, before);
        assert!(moves() > moved, "each fetch of old records moves to low priority, and back");
    }
    let offsets = log.produce(vec![record(7)], Compression::NoCompression).await;
    assert_eq!(offsets.expect("produced"), vec![300], "offsets go on");
}

async fn compacting_what_is_compacted_does_nothing(metastore: Metastore) {
    let mut server = metastore.start(&[]);
    let client = connect(&server).await;
    topic(&client, "twice", 1).await.produce((0..10).map(record).collect(), Compression::Lz4).await.expect("produced");
    server.stop();
    server.compact();
    let once = files(&server.data(), ".parquet");
    server.compact();
    assert_eq!(files(&server.data(), ".parquet"), once);
}
