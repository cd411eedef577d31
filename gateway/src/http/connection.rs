//! Accepts connections, limits their number, and closes those that are idle for too long.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

use crate::memory::{MemoryBudget, Share};

/// Connections open at once; further clients wait to be accepted. Far fewer than Kafka's, since HTTP is for people,
/// scripts and other agents.
const CONNECTIONS_MAX: usize = 1_000;
/// Pause after a failure to accept (such as no file descriptor left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often a write that makes no progress is checked.
const PROGRESS_CHECK: Duration = Duration::from_secs(1);

/// A listener of at most [`CONNECTIONS_MAX`] connections.
pub struct ConnectionListener {
    socket: TcpListener,
    address: SocketAddr,
    permits: Arc<Semaphore>,
    open: Gauge,
    limits: ConnectionLimits,
}

/// When a connection is closed.
#[derive(Clone)]
pub struct ConnectionLimits {
    /// After nothing has happened on it for this long.
    pub idle_max: Duration,
    /// If answers hold memory: after its client has taken nothing of an answer for this long, while others wait for it.
    pub memory: Option<(MemoryBudget, Duration)>,
}

impl ConnectionListener {
    /// Counts open connections in `open`, and closes them as `limits` say.
    pub fn new(socket: TcpListener, address: SocketAddr, open: Gauge, limits: ConnectionLimits) -> Self {
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Self { socket, address, permits, open, limits }
    }

    async fn accept_one(&self) -> io::Result<(Connection, SocketAddr)> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.socket.accept().await?;
        stream.set_nodelay(true)?;
        Ok((Connection::new(stream, self.limits.clone(), self.open.clone(), permit), peer))
    }
}

impl axum::serve::Listener for ConnectionListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.accept_one().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::warn!(%error, "accepting an HTTP connection failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// One client's socket. Reads and writes fail once it has been idle for too long.
pub struct Connection {
    stream: TcpStream,
    idle: Pin<Box<Sleep>>,
    limits: ConnectionLimits,
    /// Since when the client takes nothing of its answer, and the next check of that.
    stalled: Option<(Instant, Pin<Box<Sleep>>)>,
    open: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, limits: ConnectionLimits, open: Gauge, permit: OwnedSemaphorePermit) -> Self {
        open.inc();
        let idle = Box::pin(sleep(limits.idle_max));
        Self { stream, idle, limits, stalled: None, open, _permit: permit }
    }

    /// The result of a read or write; if there is none yet, an error once the connection has been idle for too long.
    fn unless_idle<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.idle.as_mut().reset(Instant::now() + self.limits.idle_max);
            return polled;
        }
        self.idle.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// The result of a write; if there is none, an error once the client has kept others waiting for too long.
    fn unless_stalled<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let polled = self.unless_idle(polled, context);
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let Some((memory, grace)) = &self.limits.memory else { return polled };
        let (since, check) = self.stalled.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(PROGRESS_CHECK))));
        while check.as_mut().poll(context).is_ready() {
            let is_contended = || memory.is_contended(Share::Http) || memory.is_contended(Share::Peers);
            if since.elapsed() > *grace && is_contended() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            check.as_mut().reset(Instant::now() + PROGRESS_CHECK);
        }
        Poll::Pending
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, into);
        self.unless_idle(polled, context)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_stalled(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.unless_stalled(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
