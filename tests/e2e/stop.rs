//! Told to stop: it drains, and what was acknowledged is there; told twice, it stops at once.

use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use crate::{
    load::Load,
    metastores::{Metastore, on_each_metastore},
    s3::{Asked, Fault, Rule, S3},
    server::{Server, wait_until},
};

/// Batches to be acknowledged before a signal comes.
const BATCHES: u64 = 30;
/// A drain that has nothing to wait for, and a stop that waits for nothing.
const SOON: Duration = Duration::from_secs(5);
const COMPACTING: [&str; 4] = ["--compaction-interval", "100ms", "--compaction-age", "0s"];

/// Its exit code, and how long it took.
fn ended(server: &mut Server) -> (Option<i32>, Duration) {
    let began = Instant::now();
    let status = server.ended();
    (status.code(), began.elapsed())
}

on_each_metastore! {
    a_server_told_to_stop_in_mid_load_drains_and_exits_with_0,
}

async fn a_server_told_to_stop_in_mid_load_drains_and_exits_with_0(metastore: Metastore) {
    let mut server = metastore.start(&COMPACTING);
    let load = Load::start(&server, "drained").await;
    for signal in ["TERM", "INT"] {
        load.progress(BATCHES);
        block_in_place(|| {
            server.signal(signal);
            let (code, took) = ended(&mut server);
            assert_eq!(code, Some(0), "{}", server.logged());
            assert!(took < SOON, "{signal}: took {took:?}");
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
    s3.inject(Rule::on(Asked::Put, Fault::Late(Duration::from_millis(300))));
    load.progress(1);
    block_in_place(|| {
        let before = load.acknowledged();
        server.terminate();
        assert_eq!(ended(&mut server).0, Some(0), "{}", server.logged());
        assert!(load.acknowledged() > before, "requests that were on their way have been dropped");
        s3.heal();
        server.restart();
    });
    load.progress(BATCHES);
    load.finish(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_signal_ends_a_drain_at_once_and_loses_nothing() {
    let s3 = S3::start();
    let mut server = s3.serve(&[&COMPACTING, ["--store-timeout", "1h"].as_slice()].concat());
    let load = Load::start(&server, "impatient").await;
    load.progress(BATCHES);
    s3.inject(Rule::on(Asked::Put, Fault::Hang));
    block_in_place(|| {
        s3.wait_for_faults(1);
        server.terminate();
        assert!(wait_until(|| server.logged().contains("draining")));
        assert!(!server.has_ended(), "an upload is in flight");
        assert!(server.get("/readyz").is_some_and(|answer| answer.contains("503")), "it says that it drains");
        server.terminate();
        let (code, took) = ended(&mut server);
        assert_eq!(code, Some(1));
        assert!(took < SOON, "took {took:?}");
        assert!(!server.logged().contains("panicked"), "{}", server.logged());
        s3.heal();
        server.restart();
    });
    load.progress(BATCHES);
    load.finish(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_ends_when_its_time_is_over() {
    let s3 = S3::start();
    let mut server = s3.serve(&["--store-timeout", "1h", "--drain-timeout", "1s"]);
    let load = Load::start(&server, "drain-timeout").await;
    load.progress(BATCHES);
    s3.inject(Rule::always(Fault::Hang));
    block_in_place(|| {
        s3.wait_for_faults(1);
        server.terminate();
        let (_, took) = ended(&mut server);
        assert!(took < 2 * SOON, "took {took:?}");
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
    let mut server = s3.prepare(&["--store-timeout", "1h"]);
    server.launch();
    s3.wait_for_faults(1);
    server.terminate();
    let (_, took) = ended(&mut server);
    assert!(took < SOON, "took {took:?}");
}
