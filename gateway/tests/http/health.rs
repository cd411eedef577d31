//! Health, readiness, and a graceful stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluvium_gateway::http::{BindError, Listener};
use alluvium_metastore::kv::{Db, RedbEngine};
use alluvium_metastore::{Metastore, fixtures};
use alluvium_model::Timestamp;
use alluvium_model::transaction::{End, Init, TransactionVersion, TransactionalId, Verdict};
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::{Clock, SeededRng, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Answer, JSON};
use crate::server::Server;

#[tokio::test]
async fn an_agent_that_serves_is_alive_and_ready() {
    let server = Server::start().await;
    let (alive, ready) = (server.get("/healthz").await, server.get("/readyz").await);
    assert_eq!((alive.status, alive.body.as_str()), (200, "ok\n"));
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
}

#[tokio::test]
async fn an_agent_that_drains_is_alive_and_not_ready() {
    let server = Server::start().await;
    assert!(server.agent.drain(Duration::from_secs(10)).await);
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "agent is draining\n"));
    assert_eq!(server.get("/healthz").await.status, 200);
}

/// A clock that panics once, after it was told to.
#[derive(Default)]
struct PanickingClock(AtomicBool);

impl Clock for PanickingClock {
    fn now(&self) -> Timestamp {
        assert!(!self.0.swap(false, Ordering::Relaxed), "a test");
        SystemClock.now()
    }
}

#[tokio::test]
async fn an_agent_at_which_no_transaction_can_end_is_not_alive() {
    let clock = Arc::new(PanickingClock::default());
    let server = Server::with_clock(fixtures::memory().await, clock.clone(), |_| {}).await;
    let (transactions, id) = (&server.agent.transactions, TransactionalId::new("copier").unwrap());
    let init = Init { expected: None, timeout: Duration::from_secs(60) };
    let producer = transactions.init(&id, init).await.unwrap();
    assert_eq!(server.get("/healthz").await.status, 200);
    // What is ended when the task panics, and later, is answered at once.
    let end = End { producer, verdict: Verdict::Abort, version: TransactionVersion::V1 };
    let ended = async || tokio::time::timeout(Duration::from_secs(10), transactions.end(&id, end)).await;
    let mut alive = server.get("/healthz").await;
    while alive.status == 200 {
        // Another task may ask for the time first, and panic instead.
        clock.0.store(true, Ordering::Relaxed);
        let _ = ended().await.expect("an answer");
        alive = server.get("/healthz").await;
    }
    assert_eq!((alive.status, alive.body.as_str()), (500, "the task that ends transactions has died\n"));
    ended().await.expect("an answer").expect_err("no transaction ends here any more");
}

#[tokio::test]
async fn without_its_metastore_an_agent_is_not_ready_and_its_metrics_are_still_served() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(RedbEngine::open(folder.path().join("metastore")).unwrap());
    let rng = Arc::new(SeededRng::new(1));
    let metastore = Metastore::open(Db::new(engine.clone(), rng.clone()), &*rng).await.unwrap();
    let server = Server::over(metastore, |_| {}).await;
    assert_eq!(server.get("/readyz").await.status, 200);
    engine.close().await;
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "metastore failed: metastore is closed\n"));
    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("\nalluvium_scrape_incomplete 1\n"), "{}", metrics.body);
    assert!(metrics.body.contains("\nalluvium_log_commits_total 0\n"), "{}", metrics.body);
}

#[tokio::test]
async fn while_its_object_store_fails_an_agent_is_not_ready_and_it_notices_recovery_by_itself() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    server.faults.inject(FaultRule::always(Fault::Unavailable));
    assert_eq!(server.get("/readyz").await.status, 200, "nobody has asked the store yet");
    let refused = server.post_json("/topics/orders", r#"{"records":[{"value":1}]}"#).await;
    assert!(refused.body.contains("error_code"), "{}", refused.body);
    let ready = server.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.starts_with("object store failed: put "), "{}", ready.body);
    server.faults.heal();
    assert_eq!(server.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn binding_a_taken_address_names_it() {
    let server = Server::start().await;
    let error = Listener::bind(server.address).await.expect_err("it is taken");
    assert!(matches!(error, BindError::Taken { address } if address == server.address));
}

#[tokio::test]
async fn on_stop_requests_in_flight_are_answered_and_idle_connections_are_closed() {
    let mut server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n").await.unwrap();
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    let body = r#"{"records":[{"value":1}]}"#;
    let head = format!(
        "POST /topics/orders HTTP/1.1\r\nHost: t\r\nContent-Type: {JSON}\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    busy.write_all(head.as_bytes()).await.unwrap();
    let mut ready_for_body = [0; 25];
    busy.read_exact(&mut ready_for_body).await.unwrap();
    assert_eq!(&ready_for_body, b"HTTP/1.1 100 Continue\r\n\r\n");
    server.stop.cancel();
    busy.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    busy.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Answer::parse(&answer).status, 200);
    let mut answer = Vec::new();
    idle.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Answer::parse(&answer).status, 200);
    (&mut server.serving).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed() {
    let server = Server::configured(|config| config.connections_idle_max = Duration::from_millis(20)).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    silent.write_all(b"GET /healthz HT").await.unwrap();
    let mut answer = Vec::new();
    let _ = silent.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
}
