//! The listening socket: accepts connections, up to `connections_max`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::connection;
use crate::agent::Agent;
use crate::listen::Listener;

/// Pause after a failure to accept (no file descriptor left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Listener {
    /// Serves connections until `cancel`, each in a task of the agent. Over the limit, further clients wait to be
    /// accepted. The future is boxed so that it is compiled in this crate and not again in each crate that awaits it.
    pub fn serve_kafka(self, agent: Arc<Agent>, cancel: CancellationToken) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let permits = Arc::new(Semaphore::new(agent.config.connections_max.min(Semaphore::MAX_PERMITS)));
            loop {
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => return,
                    accepted = self.accept(&permits) => match accepted {
                        Ok((stream, peer, permit)) => spawn(&agent, stream, peer, permit, cancel.clone()),
                        Err(error) => {
                            tracing::warn!(%error, "accepting a Kafka connection failed; trying again");
                            tokio::time::sleep(ACCEPT_PAUSE).await;
                        }
                    },
                }
            }
        })
    }

    async fn accept(&self, permits: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.socket.accept().await?;
        // Responses are written whole; waiting for more bytes to fill a packet would only add latency.
        stream.set_nodelay(true)?;
        Ok((stream, peer, permit))
    }
}

fn spawn(
    agent: &Arc<Agent>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
    cancel: CancellationToken,
) {
    let (read, write) = stream.into_split();
    let open = OpenConnection::new(agent.metrics.connections.clone(), permit);
    agent.tasks.spawn_movable("kafka connection", |priority| {
        let connection = connection::serve(Arc::clone(agent), peer, priority, read, write, cancel);
        async move {
            connection.await;
            drop(open);
        }
    });
}

/// One open connection: counted, and one permit of the limit. Both are released on drop, also if the task panics.
struct OpenConnection {
    gauge: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl OpenConnection {
    fn new(gauge: Gauge, permit: OwnedSemaphorePermit) -> Self {
        gauge.inc();
        Self { gauge, _permit: permit }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
