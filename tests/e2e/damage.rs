//! Damaged and missing segments: fetches of their partition get an error, other partitions work.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alluvium_client::{ClientError, Cluster, PartitionReader, ReaderConfig, TopicLayout};
use alluvium_wire::ErrorCode;
use rskafka::client::partition::Compression;

use crate::{
    records::{connect, partition, read_all, record, topic},
    server::{Server, files},
};

/// Nothing is compacted while a test reads its segments.
const NOT_COMPACTING: [&str; 2] = ["--compaction-interval", "1h"];
/// Each partition has enough for a history file of its own: damage of a shared one concerns all that share it.
const OWN_FILES: [&str; 4] = ["--compaction-interval", "1h", "--history-file-bytes", "16KiB"];

/// A stopped server with a topic of two partitions, and the segment of each.
async fn two_partitions() -> (Server, [PathBuf; 2]) {
    two_partitions_with(&NOT_COMPACTING).await
}

async fn two_partitions_with(flags: &[&str]) -> (Server, [PathBuf; 2]) {
    let mut server = Server::start(flags);
    let client = connect(&server).await;
    topic(&client, "damaged", 2).await;
    let mut seen = Vec::new();
    for number in 0..2 {
        let log = partition(&client, "damaged", number).await;
        log.produce((0..100).map(record).collect(), Compression::NoCompression).await.expect("produced");
        let now = files(&server.data(), ".seg");
        let new: Vec<_> = now.into_iter().filter(|file| !seen.contains(file)).collect();
        assert_eq!(new.len(), 1, "one segment each");
        seen.extend(new);
    }
    assert!(server.stop().success());
    (server, seen.try_into().expect("two segments"))
}

async fn layout(server: &Server) -> (Cluster, TopicLayout) {
    let cluster = Cluster::connect(&server.address(), "damage").await.expect("connected");
    let topic = cluster.topic("damaged").await.expect("it is there");
    (cluster, topic)
}

/// The error code of a fetch of `partition` alone.
async fn error_of(server: &Server, partition: i32) -> ErrorCode {
    let (cluster, topic) = layout(server).await;
    let connection = cluster.dial(&server.address()).await.expect("connected");
    let positions = [(partition, 0)].into();
    let mut reader = PartitionReader::new(connection, (topic.name, topic.id), positions, ReaderConfig::default());
    match reader.poll().await {
        Err(ClientError::Broker { code, .. }) => code,
        other => panic!("no error: {other:?}"),
    }
}

/// The number of records that one fetch of both partitions returns of each.
async fn fetched_together(server: &Server) -> [usize; 2] {
    let (cluster, topic) = layout(server).await;
    let connection = cluster.dial(&server.address()).await.expect("connected");
    let positions = [(0, 0), (1, 0)].into();
    let mut reader = PartitionReader::new(connection, (topic.name, topic.id), positions, ReaderConfig::default());
    let mut records = [0; 2];
    for fetched in reader.poll().await.expect("the other partition is fine") {
        records[usize::try_from(fetched.partition).expect("0 or 1")] += fetched.batch.header().record_count as usize;
    }
    records
}

async fn goes_on(server: &Server) {
    let client = connect(server).await;
    let fine = partition(&client, "damaged", 1).await;
    assert_eq!(read_all(&fine, 0).await.len(), 100, "the other partition is read");
    assert_eq!(fetched_together(server).await, [0, 100], "also where both are asked for at once");
    let broken = partition(&client, "damaged", 0).await;
    let offsets = broken.produce(vec![record(100)], Compression::NoCompression).await;
    assert_eq!(offsets.expect("the broken partition takes records"), [100]);
    assert_eq!(read_all(&broken, 100).await, [(100, record(100))], "and what lies behind the damage is read");
    let answer = server.get("/topics/damaged/partitions/0/records?offset=0").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 5"), "{answer}");
    assert!(server.is_ready());
    assert!(!server.logged().contains("panicked"), "{}", server.logged());
}

fn flip(file: &Path, at: impl Iterator<Item = usize>) {
    let mut bytes = fs::read(file).expect("readable");
    at.for_each(|at| bytes[at] = !bytes[at]);
    fs::write(file, bytes).expect("writable");
}

#[tokio::test]
async fn flipped_bytes_are_an_error_of_their_partition_alone() {
    let (mut server, [segment, _]) = two_partitions().await;
    let size = usize::try_from(fs::metadata(&segment).expect("there").len()).expect("small");
    flip(&segment, (0..size).step_by(97));
    server.restart();
    assert_eq!(error_of(&server, 0).await, ErrorCode::CORRUPT_MESSAGE);
    goes_on(&server).await;
}

#[tokio::test]
async fn one_flipped_bit_in_a_record_is_found() {
    let (mut server, [segment, _]) = two_partitions().await;
    let bytes = fs::read(&segment).expect("readable");
    let at = bytes.windows(8).position(|window| window == b"value-50").expect("stored as it was sent");
    flip(&segment, std::iter::once(at));
    server.restart();
    assert_eq!(error_of(&server, 0).await, ErrorCode::CORRUPT_MESSAGE);
    goes_on(&server).await;
}

#[tokio::test]
async fn a_segment_that_was_cut_short_is_an_error_of_its_partition_alone() {
    let (mut server, [segment, _]) = two_partitions().await;
    let bytes = fs::read(&segment).expect("readable");
    fs::write(&segment, &bytes[..bytes.len() / 2]).expect("writable");
    server.restart();
    assert_eq!(error_of(&server, 0).await, ErrorCode::CORRUPT_MESSAGE);
    goes_on(&server).await;
}

#[tokio::test]
async fn a_segment_that_is_gone_is_an_error_of_its_partition_alone() {
    let (mut server, [segment, _]) = two_partitions().await;
    fs::remove_file(&segment).expect("removable");
    server.restart();
    assert_eq!(error_of(&server, 0).await, ErrorCode::KAFKA_STORAGE_ERROR);
    goes_on(&server).await;
}

#[tokio::test]
async fn a_damaged_history_file_is_an_error_of_its_partition_alone() {
    let (mut server, _) = two_partitions_with(&OWN_FILES).await;
    server.compact();
    let mut histories = files(&server.data(), ".parquet");
    histories.sort();
    let size = usize::try_from(fs::metadata(&histories[0]).expect("there").len()).expect("small");
    flip(&histories[0], (0..size).step_by(97));
    server.restart();
    assert_eq!(error_of(&server, 0).await, ErrorCode::CORRUPT_MESSAGE);
    goes_on(&server).await;
}

#[tokio::test]
async fn compaction_leaves_a_damaged_segment_as_it_is_and_does_the_rest() {
    let (mut server, [segment, _]) = two_partitions().await;
    let bytes = fs::read(&segment).expect("readable");
    fs::write(&segment, &bytes[..bytes.len() / 2]).expect("writable");
    let (status, output) = server.compact_anyway();
    assert!(!status.success() && output.contains("damaged"), "{output}");
    assert!(segment.exists(), "what may be mended is kept");
    assert_eq!(files(&server.data(), ".parquet").len(), 1, "the other partition is history");
    fs::write(&segment, &bytes).expect("writable");
    server.restart();
    let client = connect(&server).await;
    assert_eq!(read_all(&partition(&client, "damaged", 0).await, 0).await.len(), 100, "mended");
}
