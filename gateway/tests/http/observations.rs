//! A process without an agent: its health and its numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alluvium_gateway::http::{Listener, Observed};
use alluvium_gateway::metrics::{MetricSource, Sample};
use tokio_util::sync::CancellationToken;

use crate::client::get;

struct Lag;

impl MetricSource for Lag {
    fn samples(&self) -> Vec<Sample> {
        vec![Sample::counter("jobs", "Jobs done", 7)]
    }
}

#[tokio::test]
async fn a_process_without_an_agent_tells_its_numbers_and_whether_it_is_ready() {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let (address, cancel) = (listener.address(), CancellationToken::new());
    let works = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&works);
    let obstacle = move || {
        let obstacle = (!asked.load(Ordering::SeqCst)).then(|| "metastore failed".to_owned());
        Box::pin(std::future::ready(obstacle)) as futures::future::BoxFuture<'static, Option<String>>
    };
    let observed = Observed { sources: vec![Box::new(Lag)], obstacle: Box::new(obstacle) };
    let serving = tokio::spawn(listener.serve_observations(observed, cancel.clone()));

    assert_eq!(get(address, "/healthz").await.status, 200);
    assert_eq!(get(address, "/readyz").await.status, 200);
    works.store(false, Ordering::SeqCst);
    let refused = get(address, "/readyz").await;
    assert_eq!((refused.status, refused.body.as_str()), (503, "metastore failed\n"));
    let metrics = get(address, "/metrics").await;
    assert!(metrics.body.contains("alluvium_jobs_total 7"), "{}", metrics.body);
    assert_eq!(get(address, "/topics").await.status, 404);
    cancel.cancel();
    serving.await.unwrap();
}
