//! The listening socket, and its graceful end.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;

use super::connection::Doorway;
use super::observations::{self, Observed};
use super::routes::routes;
use super::service::Service;
use crate::agent::Agent;
use crate::listen::Listener;
use crate::metrics::MetricSource;

/// How long requests that are under way may still take once told to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection of who only observes may be silent: as long as an agent's by default.
const OBSERVER_SILENCE_MAX: Duration = Duration::from_secs(600);

impl Listener {
    /// Serves `agent`, with the numbers of `sources` beside its own, until `cancel`; then idle connections are closed and
    /// what is under way is answered.
    pub async fn serve_http(self, agent: Arc<Agent>, sources: Vec<Box<dyn MetricSource>>, cancel: CancellationToken) {
        let (open, silence_max) = (agent.metrics.http.connections.clone(), agent.config.connections_idle_max);
        let routes = routes(Arc::new(Service::new(agent, sources, cancel.clone())));
        self.serve(routes, open, silence_max, cancel).await;
    }

    /// Serves health and metrics of a process without an agent, in the same way.
    pub async fn serve_observations(self, observed: Observed, cancel: CancellationToken) {
        let routes = observations::routes(observed, cancel.clone());
        self.serve(routes, Gauge::default(), OBSERVER_SILENCE_MAX, cancel).await;
    }

    async fn serve(self, routes: Router, open: Gauge, silence_max: Duration, cancel: CancellationToken) {
        let address = self.address();
        let doorway = Doorway::new(self.socket, address, open, silence_max);
        let serving = axum::serve(doorway, routes).with_graceful_shutdown(cancel.clone().cancelled_owned());
        let out_of_patience = async {
            cancel.cancelled().await;
            tokio::time::sleep(STOP_PATIENCE).await;
        };
        tokio::select! {
            biased;
            served = serving.into_future() => {
                if let Err(error) = served {
                    tracing::warn!(%error, "serving HTTP failed");
                }
            }
            () = out_of_patience => tracing::warn!("HTTP requests were still under way when the time to stop was over"),
        }
    }
}
