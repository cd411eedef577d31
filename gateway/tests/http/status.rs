//! A process without an agent: its health and its metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alluvium_gateway::http::{Listener, ProcessStatus};
use alluvium_gateway::metrics::{Metric, MetricSource, Sample, read_all};
use tokio_util::sync::CancellationToken;

use crate::client::get;

struct Jobs;

const JOBS: &[Metric<Jobs>] = &[Metric::counter("jobs", "jobs", "Jobs done", |_| 7)];

impl MetricSource for Jobs {
    fn samples(&self) -> Vec<Sample> {
        read_all(JOBS, self)
    }
}

#[tokio::test]
async fn a_process_without_an_agent_shows_its_metrics_and_whether_it_is_ready() {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let (address, cancel) = (listener.address(), CancellationToken::new());
    let works = Arc::new(AtomicBool::new(true));
    let checked = Arc::clone(&works);
    let not_ready_reason = move || {
        let reason = (!checked.load(Ordering::SeqCst)).then(|| "metastore failed".to_owned());
        Box::pin(std::future::ready(reason)) as futures::future::BoxFuture<'static, Option<String>>
    };
    let status = ProcessStatus { sources: vec![Box::new(Jobs)], not_ready_reason: Box::new(not_ready_reason) };
    let serving = tokio::spawn(listener.serve_status(status, cancel.clone()));

    assert_eq!(get(address, "/healthz").await.status, 200);
    assert_eq!(get(address, "/readyz").await.status, 200);
    works.store(false, Ordering::SeqCst);
    let not_ready = get(address, "/readyz").await;
    assert_eq!((not_ready.status, not_ready.body.as_str()), (503, "metastore failed\n"));
    let metrics = get(address, "/metrics").await;
    assert!(metrics.body.contains("alluvium_jobs_total 7"), "{}", metrics.body);
    assert_eq!(get(address, "/topics").await.status, 404);
    cancel.cancel();
    serving.await.unwrap();
}
