//! Retention as Kafka's: it looks now and then, and keeps records with old timestamps that have just arrived.

use alluvium_client::Connection;
use alluvium_wire::{
    ErrorCode,
    messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest},
};
use rskafka::{
    chrono::{TimeZone, Utc},
    client::partition::{Compression, OffsetAt},
    record::Record,
};
use tokio::time::{Instant, sleep};

use crate::{
    metastores::{Metastore, on_each_metastore},
    records::{connect, partition, read_all, record},
    server::{DEADLINE, Server},
};

const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

on_each_metastore! {
    a_backfill_stays_until_it_is_old_by_arrival,
}

/// A record with a timestamp of 1970.
fn old_record(number: i64) -> Record {
    Record { timestamp: Utc.timestamp_millis_opt(number).single().expect("a valid time"), ..record(number) }
}

async fn create(server: &Server, name: &str, retention_ms: &str) {
    let connection = Connection::open(&server.address(), "retention").await.expect("connects");
    let config = CreatableTopicConfig { name: "retention.ms".into(), value: Some(retention_ms.into()) };
    let topic = CreatableTopic {
        name: name.into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: vec![config],
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() };
    let created = connection.call(&request).await.expect("an answer");
    assert_eq!(created.topics[0].error_code, ErrorCode::NONE);
}

async fn a_backfill_stays_until_it_is_old_by_arrival(metastore: Metastore) {
    let server = metastore.start(&["--retention-check-interval", "500ms", "--compaction-age", "1s"]);
    create(&server, "brief", "2000").await;
    create(&server, "long", "3600000").await;
    let client = connect(&server).await;
    let (brief, long) = (partition(&client, "brief", 0).await, partition(&client, "long", 0).await);
    for log in [&brief, &long] {
        log.produce((0..10).map(old_record).collect(), Compression::NoCompression).await.expect("produced");
    }
    let deadline = Instant::now() + DEADLINE;
    while brief.get_offset(OffsetAt::Earliest).await.expect("known") < 10 {
        assert!(Instant::now() < deadline, "the records of the brief topic never expire");
        sleep(PAUSE).await;
    }
    // Retention has looked at both.
    assert_eq!(read_all(&long, 0).await.len(), 10, "they arrived a short time ago");
}
