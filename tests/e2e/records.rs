//! A third-party Kafka client in Rust (rskafka) gets back what it sent.

use std::{collections::BTreeMap, sync::LazyLock};

use rskafka::{
    chrono::{TimeZone, Utc},
    client::{
        Client, ClientBuilder,
        partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling},
    },
    record::Record,
};

use crate::{
    metastores::{Metastore, on_each_metastore},
    server::Server,
};

/// Connects to `server`.
pub async fn connect(server: &Server) -> Client {
    ClientBuilder::new(vec![server.address()]).build().await.expect("rskafka connects")
}

/// A topic called `name` with `partitions`, and a client of its partition 0.
pub async fn topic(client: &Client, name: &str, partitions: i32) -> PartitionClient {
    let controller = client.controller_client().expect("there is a controller");
    controller.create_topic(name, partitions, 1, 5_000).await.expect("the topic is created");
    partition(client, name, 0).await
}

/// A client of one partition.
pub async fn partition(client: &Client, name: &str, number: i32) -> PartitionClient {
    client.partition_client(name, number, UnknownTopicHandling::Retry).await.expect("the partition is there")
}

/// When the tests began, ms since the Unix epoch: retention would delete records with old timestamps.
pub fn start_ms() -> i64 {
    static START: LazyLock<i64> = LazyLock::new(|| Utc::now().timestamp_millis());
    *START
}

/// Record number `number` of any test.
pub fn record(number: i64) -> Record {
    Record {
        key: (number % 3 != 0).then(|| format!("key-{}", number % 10).into_bytes()),
        value: (number % 7 != 0).then(|| format!("value-{number}").into_bytes()),
        headers: BTreeMap::from([("number".to_owned(), number.to_string().into_bytes())]),
        timestamp: Utc.timestamp_millis_opt(start_ms() + number).single().expect("a valid time"),
    }
}

/// All records from `from` on, with their offsets.
pub async fn read_all(partition: &PartitionClient, from: i64) -> Vec<(i64, Record)> {
    let end = partition.get_offset(OffsetAt::Latest).await.expect("the end is known");
    let mut found = Vec::new();
    let mut next = from;
    while next < end {
        let (records, _) = partition.fetch_records(next, 1..10_000_000, 1_000).await.expect("records come");
        assert!(!records.is_empty(), "nothing at {next} although the end is {end}");
        next = records.last().map_or(next, |last| last.offset + 1);
        found.extend(records.into_iter().map(|found| (found.offset, found.record)));
    }
    found
}

on_each_metastore! {
    every_compression_comes_back_as_it_was_sent,
    a_reader_from_the_middle_gets_the_rest,
    deleted_records_are_gone_and_the_rest_stays,
}

async fn every_compression_comes_back_as_it_was_sent(metastore: Metastore) {
    let server = metastore.start(&[]);
    let client = connect(&server).await;
    let codecs =
        [Compression::NoCompression, Compression::Gzip, Compression::Lz4, Compression::Snappy, Compression::Zstd];
    for (number, compression) in codecs.into_iter().enumerate() {
        let partition = topic(&client, &format!("codec-{number}"), 1).await;
        let sent: Vec<Record> = (0..200).map(record).collect();
        let offsets = partition.produce(sent.clone(), compression).await.expect("produced");
        assert_eq!(offsets, (0..200).collect::<Vec<i64>>());
        let found: Vec<Record> = read_all(&partition, 0).await.into_iter().map(|(_, record)| record).collect();
        assert_eq!(found, sent, "{compression:?}");
    }
}

async fn a_reader_from_the_middle_gets_the_rest(metastore: Metastore) {
    let server = metastore.start(&[]);
    let client = connect(&server).await;
    let partition = topic(&client, "middle", 1).await;
    for number in 0..50 {
        partition.produce(vec![record(2 * number), record(2 * number + 1)], Compression::Lz4).await.expect("produced");
    }
    let found = read_all(&partition, 33).await;
    let expected: Vec<(i64, Record)> = (33..100).map(|offset| (offset, record(offset))).collect();
    assert_eq!(found, expected);
}

async fn deleted_records_are_gone_and_the_rest_stays(metastore: Metastore) {
    let server = metastore.start(&[]);
    let client = connect(&server).await;
    let partition = topic(&client, "deleted", 1).await;
    partition.produce((0..10).map(record).collect(), Compression::NoCompression).await.expect("produced");
    partition.delete_records(4, 5_000).await.expect("deleted");
    assert_eq!(partition.get_offset(OffsetAt::Earliest).await.expect("known"), 4);
    assert_eq!(read_all(&partition, 4).await.first().map(|(offset, _)| *offset), Some(4));
    assert!(partition.fetch_records(3, 1..1_000_000, 100).await.is_err(), "offset 3 is out of range");
}
