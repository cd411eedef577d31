//! The listening socket: takes connections in, as many as are allowed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::connection;
use crate::agent::Agent;
use crate::listen::Listener;

/// After a failure to accept (no file descriptor left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Listener {
    /// Serves connections until `cancel`, each as a task of the agent. Over the limit, further clients wait to be accepted.
    pub async fn serve_kafka(self, agent: Arc<Agent>, cancel: CancellationToken) {
        let room = Arc::new(Semaphore::new(agent.config.connections_max.min(Semaphore::MAX_PERMITS)));
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                accepted = self.accept(&room) => match accepted {
                    Ok((stream, peer, place)) => spawn(&agent, stream, peer, place, cancel.clone()),
                    Err(error) => {
                        tracing::warn!(%error, "accepting a connection failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }

    async fn accept(&self, room: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.socket.accept().await?;
        // Responses are written whole; waiting for more bytes to fill a packet would only add latency.
        stream.set_nodelay(true)?;
        Ok((stream, peer, place))
    }
}

fn spawn(
    agent: &Arc<Agent>,
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    cancel: CancellationToken,
) {
    let (read, write) = stream.into_split();
    let connection = connection::serve(Arc::clone(agent), peer, read, write, cancel);
    let place = Place::new(agent.metrics.connections.clone(), place);
    agent.tasks.spawn("kafka connection", async move {
        connection.await;
        drop(place);
    });
}

/// One connection's place among those allowed; given back when dropped, also where its task dies.
struct Place {
    open: Gauge,
    _place: OwnedSemaphorePermit,
}

impl Place {
    fn new(open: Gauge, place: OwnedSemaphorePermit) -> Self {
        open.inc();
        Self { open, _place: place }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.dec();
    }
}
