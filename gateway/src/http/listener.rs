//! The listening socket, and its graceful end.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::connection::Doorway;
use super::routes::routes;
use super::service::Service;
use crate::agent::Agent;
use crate::listen::{self, BindError};
use crate::metrics::MetricSource;

/// How long requests that are under way may still take once told to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A bound socket that is not served yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds `address`; port 0 lets the system choose.
    ///
    /// # Errors
    /// Where the address is taken, is not ours, or needs rights that we lack.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let (socket, address) = listen::bind(address).await?;
        Ok(Self { socket, address })
    }

    /// Where clients can connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `agent`, with the numbers of `sources` beside its own, until `cancel`; then idle connections are closed and
    /// what is under way is answered.
    pub async fn serve(self, agent: Arc<Agent>, sources: Vec<Box<dyn MetricSource>>, cancel: CancellationToken) {
        let doorway = Doorway::new(self.socket, self.address, &agent);
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
