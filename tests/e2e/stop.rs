//! Signals: the first one drains the server and loses nothing acknowledged, a second one stops it at once.

use tokio::task::block_in_place;

use crate::{
    load::Load,
    metastores::{Metastore, on_each_metastore},
    s3::{Fault, RequestKind, Rule, S3},
    server::wait_until,
};

/// Batches to be acknowledged before a signal comes.
const BATCHES: u64 = 30;
const COMPACTING: [&str; 4] = ["--compaction-interval", "100ms", "--compaction-age", "0s"];
/// The end of a segment's key: compaction, which no drain waits for, puts other objects.
const SEGMENT: &str = ".seg";
/// Much longer than any test waits for the end of a server: it ends in time only if it does not wait for this.
const LONG_DRAIN: [&str; 2] = ["--drain-timeout", "1h"];

on_each_metastore! {
    a_server_told_to_stop_in_mid_load_drains_and_exits_with_0,
}

async fn a_server_told_to_stop_in_mid_load_drains_and_exits_with_0(metastore: Metastore) {
    let mut server = metastore.start(&[COMPACTING.as_slice(), &LONG_DRAIN].concat());
    let load = Load::start(&server, "drained").await;
    for signal in ["TERM", "INT"] {
        load.progress(BATCHES);
        block_in_place(|| {
            server.signal(signal);
            assert_eq!(server.ended().code(), Some(0), "{signal}: {}", server.logged());
            server.restart();
        });
    }
    load.progress(BATCHES);
    load.finish(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_in_flight_when_told_to_stop_is_still_acknowledged() {
    let s3 = S3::start();
    let mut server = s3.serve(&[]);
    let load = Load::start(&server, "in-flight").await;
    load.progress(BATCHES);
    s3.inject(Rule::on(RequestKind::Put, Fault::Hang).keys(SEGMENT));
    block_in_place(|| {
        s3.wait_for_faults(1);
        let before = load.acknowledged();
        server.terminate();
        assert!(wait_until(|| server.logged().contains("draining")));
        s3.heal();
        assert_eq!(server.ended().code(), Some(0), "{}", server.logged());
        assert!(load.acknowledged() > before, "requests that were on their way have been dropped");
        server.restart();
    });
    load.progress(BATCHES);
    load.finish(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_signal_ends_a_drain_at_once_and_loses_nothing() {
    let s3 = S3::start();
    let mut server = s3.serve(&[&COMPACTING, ["--store-timeout", "1h"].as_slice(), &LONG_DRAIN].concat());
    let load = Load::start(&server, "impatient").await;
    load.progress(BATCHES);
    s3.inject(Rule::on(RequestKind::Put, Fault::Hang).keys(SEGMENT));
    block_in_place(|| {
        s3.wait_for_faults(1);
        server.terminate();
        assert!(wait_until(|| server.logged().contains("draining")));
        assert!(!server.has_ended(), "an upload is in flight");
        assert!(server.get("/readyz").is_some_and(|answer| answer.contains("503")), "it says that it drains");
        server.terminate();
        assert_eq!(server.ended().code(), Some(1), "{}", server.logged());
        assert!(!server.logged().contains("panicked"), "{}", server.logged());
        s3.heal();
        server.restart();
    });
    load.progress(BATCHES);
    load.finish(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_ends_at_its_timeout() {
    let s3 = S3::start();
    let mut server = s3.serve(&["--store-timeout", "1h", "--drain-timeout", "1s"]);
    let load = Load::start(&server, "drain-timeout").await;
    load.progress(BATCHES);
    s3.inject(Rule::always(Fault::Hang));
    block_in_place(|| {
        s3.wait_for_faults(1);
        server.terminate();
        // In time, although the upload waits for an hour.
        server.ended();
        assert!(server.logged().contains("--drain-timeout"), "{}", server.logged());
        s3.heal();
        server.restart();
    });
    load.progress(BATCHES);
    load.finish(&server).await;
}

#[test]
fn a_server_told_to_stop_while_it_starts_does_so() {
    let s3 = S3::start();
    s3.inject(Rule::always(Fault::Hang));
    let mut server = s3.prepare(&[["--store-timeout", "1h"], LONG_DRAIN].concat());
    server.launch();
    s3.wait_for_faults(1);
    server.terminate();
    server.ended();
}
