//! The listening socket, and its graceful end.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::connection::Doorway;
use super::routes::routes;
use super::service::Service;
use crate::agent::Agent;
use crate::listen::Listener;
use crate::metrics::MetricSource;

/// How long requests that are under way may still take once told to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

impl Listener {
    /// Serves `agent`, with the numbers of `sources` beside its own, until `cancel`; then idle connections are closed and
    /// what is under way is answered.
    pub async fn serve_http(self, agent: Arc<Agent>, sources: Vec<Box<dyn MetricSource>>, cancel: CancellationToken) {
        let address = self.address();
        let doorway = Doorway::new(self.socket, address, &agent);
        let service = Arc::new(Service::new(agent, sources, cancel.clone()));
        let serving = axum::serve(doorway, routes(service)).with_graceful_shutdown(cancel.clone().cancelled_owned());
        let out_of_patience = async {
            cancel.cancelled().await;
            tokio::time::sleep(STOP_PATIENCE).await;
        };
        tokio::select! {
            served = serving.into_future() => {
                if let Err(error) = served {
                    tracing::warn!(%error, "serving HTTP failed");
                }
            }
            () = out_of_patience => tracing::warn!("HTTP requests were still under way when the time to stop was over"),
        }
    }
}
