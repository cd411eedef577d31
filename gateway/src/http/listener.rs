//! The listening socket, and its graceful end.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::future::BoxFuture;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;

use super::connection::{ConnectionLimits, ConnectionListener};
use super::routes::routes;
use super::service::Service;
use super::status::{self, ProcessStatus};
use crate::agent::Agent;
use crate::listen::Listener;
use crate::metrics::MetricSource;

/// How long requests in flight may take once the listener stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection to a process without an agent may be idle: as long as an agent's by default.
const STATUS_IDLE_MAX: Duration = Duration::from_secs(600);

impl Listener {
    /// Serves `agent`, with the metrics of `sources` beside its own, until `cancel`; then idle connections are closed
    /// and requests in flight are answered. The future is boxed so that axum and hyper are compiled in this crate and
    /// not again in each crate that awaits it.
    pub fn serve_http(
        self,
        agent: Arc<Agent>,
        sources: Vec<Box<dyn MetricSource>>,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let open = agent.metrics.http.connections.clone();
            let limits = ConnectionLimits {
                idle_max: agent.config.connections_idle_max,
                memory: Some((agent.memory.clone(), agent.config.slow_reader_grace)),
            };
            let routes = routes(Arc::new(Service::new(agent, sources, cancel.clone())));
            self.serve(routes, open, limits, cancel).await;
        })
    }

    /// Serves health and metrics of a process without an agent, such as a compactor. Boxed, like [`Self::serve_http`],
    /// to be compiled once.
    pub fn serve_status(self, status: ProcessStatus, cancel: CancellationToken) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let routes = status::routes(status, cancel.clone());
            let limits = ConnectionLimits { idle_max: STATUS_IDLE_MAX, memory: None };
            self.serve(routes, Gauge::default(), limits, cancel).await;
        })
    }

    async fn serve(self, routes: Router, open: Gauge, limits: ConnectionLimits, cancel: CancellationToken) {
        let address = self.address();
        let listener = ConnectionListener::new(self.socket, address, open, limits);
        let serving = axum::serve(listener, routes).with_graceful_shutdown(cancel.clone().cancelled_owned());
        let stop_timeout = async {
            cancel.cancelled().await;
            tokio::time::sleep(STOP_TIMEOUT).await;
        };
        tokio::select! {
            biased;
            served = serving.into_future() => {
                if let Err(error) = served {
                    tracing::warn!(%error, "serving HTTP failed");
                }
            }
            () = stop_timeout => {
                tracing::warn!(timeout = ?STOP_TIMEOUT, "HTTP requests are still in flight; stopping without them");
            }
        }
    }
}
