//! S3 that fails, hangs and gives wrong answers: the server survives, producers wait and go on, no acknowledged record
//! is lost, and no record is there twice.
//!
//! An outage lasts until uploads have been given up several times. With `--store-timeout` at 2 s instead of the usual
//! 20 s that takes seconds instead of a minute.

use std::time::Duration;

use alluvium_client::{Acks, Cluster, IdempotentProducer, ProducerConfig};
use alluvium_wire::ErrorCode;
use rskafka::client::partition::Compression;
use tokio::task::block_in_place;

use crate::{
    load::Load,
    records::{connect, partition, read_all, record, start_ms, topic},
    s3::{Fault, RequestKind, Rule, S3},
    server::{Server, wait_until},
};

/// Batches to be acknowledged between two outages.
const BATCHES: u64 = 30;
/// Segments given up in one outage.
const GIVEN_UP: u64 = 6;
/// The compactor runs all the time.
const COMPACTING: [&str; 4] = ["--compaction-interval", "100ms", "--compaction-age", "0s"];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outage_of_s3_loses_and_repeats_nothing_and_is_over_when_it_is_over() {
    let s3 = S3::start();
    let server = s3.serve(&COMPACTING);
    let load = Load::start(&server, "outages").await;
    for fault in [Fault::INTERNAL, Fault::SLOW_DOWN, Fault::DENIED, Fault::Hang] {
        load.progress(BATCHES);
        block_in_place(|| {
            let before = given_up(&server);
            s3.inject(Rule::always(fault));
            assert!(wait_until(|| given_up(&server) >= before + GIVEN_UP), "{fault:?} has no effect");
            assert!(server.get("/healthz").expect("an answer").contains("200 OK"), "it lives");
            let ready = server.get("/readyz").expect("an answer");
            assert!(ready.contains("503") && ready.contains("object store"), "{fault:?}: {ready}");
            s3.heal();
            assert!(wait_until(|| server.is_ready()), "{}", server.get("/readyz").unwrap_or_default());
        });
    }
    load.progress(BATCHES);
    let compacted = s3.keys(".parquet").len();
    assert!(block_in_place(|| wait_until(|| s3.keys(".parquet").len() > compacted)), "the compactor is stuck");
    load.finish(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes three minutes; shows what the test above does with shorter ones"]
async fn a_whole_minute_of_each_outage_is_survived_with_the_usual_deadlines() {
    let s3 = S3::start();
    let server = s3.serve(&["--store-timeout", "20s"]);
    let load = Load::start(&server, "minutes").await;
    for fault in [Fault::INTERNAL, Fault::SLOW_DOWN, Fault::Hang] {
        load.progress(BATCHES);
        block_in_place(|| {
            s3.inject(Rule::always(fault));
            std::thread::sleep(Duration::from_secs(60));
            assert!(server.get("/readyz").expect("an answer").contains("503"), "{fault:?}");
            s3.heal();
        });
    }
    load.progress(BATCHES);
    load.finish(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_that_are_lost_cut_short_or_late_are_asked_for_again() {
    let s3 = S3::start();
    // Without a cache, so that everything is read from S3.
    let server = s3.serve(&[&COMPACTING, ["--cache-bytes", "0", "--retire-grace", "1s"].as_slice()].concat());
    let load = Load::start(&server, "lies").await;
    for rules in [
        vec![
            Rule::on(RequestKind::Put, Fault::DoneThenReset).every(2),
            Rule::on(RequestKind::Delete, Fault::DoneThenReset).every(2),
        ],
        vec![
            Rule::on(RequestKind::Get, Fault::ShortBody).every(2),
            Rule::on(RequestKind::List, Fault::ShortBody).every(2),
        ],
        vec![Rule::on(RequestKind::Get, Fault::SlowBody(Duration::from_millis(20)))],
        vec![Rule::always(Fault::Late(Duration::from_millis(50)))],
        vec![Rule::on(RequestKind::Put, Fault::Hang).every(5), Rule::on(RequestKind::Get, Fault::Hang).every(3)],
    ] {
        rules.iter().for_each(|rule| s3.inject(rule.clone()));
        block_in_place(|| s3.wait_for_faults(20));
        load.progress(BATCHES);
        s3.heal();
    }
    load.finish(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_was_given_up_but_arrived_is_not_read() {
    let s3 = S3::start();
    let server = s3.serve(&[]);
    let client = connect(&server).await;
    let log = topic(&client, "late", 1).await;
    s3.inject(Rule::on(RequestKind::Put, Fault::DoneThenReset));
    let sent: Vec<_> = (0..10).map(record).collect();
    log.produce(sent.clone(), Compression::Lz4).await.expect_err("all tries are done, none is answered");
    assert_eq!(s3.keys(".seg").len(), 1);
    s3.heal();
    assert_eq!(log.produce(sent, Compression::Lz4).await.expect("produced"), (0..10).collect::<Vec<i64>>());
    let found: Vec<_> = read_all(&log, 0).await;
    assert_eq!(found, (0..10).map(|number| (number, record(number))).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_waits_no_longer_is_told_so_and_what_it_sends_again_is_there_once() {
    let s3 = S3::start();
    let server = s3.serve(&["--store-timeout", "1h"]);
    let cluster = Cluster::connect(&server.address(), "impatient").await.expect("connected");
    let topic = cluster.create_topic("impatient", 1).await.expect("created");
    let config = ProducerConfig { acks: Acks::All, in_flight_max: 1, delivery_timeout: Duration::from_secs(1) };
    let connection = cluster.dial(&server.address()).await.expect("connected");
    let mut producer =
        IdempotentProducer::new(connection, (topic.name.clone(), topic.id), config).await.expect("a producer id");
    s3.inject(Rule::on(RequestKind::Put, Fault::Hang));
    let mut batch = producer.batch(0, alluvium_wire::batch::Compression::None);
    batch.push(0, start_ms(), None, Some(b"once"), []).expect("fits");
    producer.send(vec![(0, batch, ())]).await.expect("sent");
    let given_up = producer.flush().await.expect_err("nothing is durable");
    assert_eq!(given_up.code(), Some(ErrorCode::REQUEST_TIMED_OUT), "{given_up}");
    s3.heal();
    let connection = cluster.dial(&server.address()).await.expect("connected");
    let acknowledged = producer.resume(connection).await.expect("acknowledged");
    assert_eq!(acknowledged.iter().map(|appended| appended.base_offset).collect::<Vec<_>>(), [0]);
    let client = connect(&server).await;
    assert_eq!(read_all(&partition(&client, "impatient", 0).await, 0).await.len(), 1);
}

fn given_up(server: &Server) -> u64 {
    server.metric("alluvium_upload_failures_total")
}
