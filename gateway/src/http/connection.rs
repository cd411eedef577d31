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

use crate::memory::{MemoryBudget, Share, Taking};

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
    /// If answers hold memory: once its client takes an answer too slowly, with this grace, while others wait for it.
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
pub struct Connection<S = TcpStream> {
    stream: S,
    idle: Pin<Box<Sleep>>,
    limits: ConnectionLimits,
    /// How the client takes an answer, since a write of it had to wait for the first time, and the next check of that.
    taking: Option<(Taking, Pin<Box<Sleep>>)>,
    open: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl<S> Connection<S> {
    fn new(stream: S, limits: ConnectionLimits, open: Gauge, permit: OwnedSemaphorePermit) -> Self {
        open.inc();
        let idle = Box::pin(sleep(limits.idle_max));
        Self { stream, idle, limits, taking: None, open, _permit: permit }
    }

    /// The result of a read or write; if there is none yet, an error once the connection has been idle for too long.
    fn unless_idle<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.idle.as_mut().reset(Instant::now() + self.limits.idle_max);
            return polled;
        }
        self.idle.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// The result of a write; if there is none, an error once the client is too slow while others wait.
    fn unless_too_slow(
        &mut self,
        polled: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let polled = self.unless_idle(polled, context);
        match polled {
            Poll::Ready(Ok(taken)) => {
                if let Some((taking, _)) = &mut self.taking {
                    taking.advance(taken);
                }
                return polled;
            }
            Poll::Ready(Err(_)) => return polled,
            Poll::Pending => {}
        }
        let Some((memory, grace)) = &self.limits.memory else { return polled };
        let begin = || (Taking::begin(), Box::pin(sleep(PROGRESS_CHECK)));
        let (taking, next_check) = self.taking.get_or_insert_with(begin);
        while next_check.as_mut().poll(context).is_ready() {
            let is_contended = || memory.is_contended(Share::Http) || memory.is_contended(Share::Peers);
            if taking.pace().is_too_slow(*grace) && is_contended() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            next_check.as_mut().reset(Instant::now() + PROGRESS_CHECK);
        }
        Poll::Pending
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, into);
        self.unless_idle(polled, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_too_slow(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.unless_too_slow(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // All that there is of an answer is written.
        self.taking = None;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;
    use crate::memory::Demand;

    const GRACE: Duration = Duration::from_secs(10);
    const ANSWER: usize = 8 << 20;

    async fn connection(memory: MemoryBudget) -> (Connection<DuplexStream>, DuplexStream) {
        let (ours, client) = duplex(16 << 10);
        let limits = ConnectionLimits { idle_max: Duration::from_secs(600), memory: Some((memory, GRACE)) };
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.expect("the semaphore is never closed");
        (Connection::new(ours, limits, Gauge::default(), permit), client)
    }

    /// Takes `bytes` of its answer each second.
    async fn dripping(client: &mut DuplexStream, bytes: usize) {
        let mut taken = vec![0; bytes];
        while client.read_exact(&mut taken).await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Whether a client that takes `bytes` of its answer each second gets the whole of it.
    async fn is_served(memory: &MemoryBudget, bytes: usize) -> bool {
        let (mut connection, mut client) = connection(memory.clone()).await;
        let write = async {
            let written = connection.write_all(&[0; ANSWER]).await;
            drop(connection);
            written.is_ok()
        };
        tokio::join!(write, dripping(&mut client, bytes)).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_too_little_of_an_answer_is_disconnected_only_while_others_wait() {
        let memory = MemoryBudget::new(ANSWER);
        let _held = memory.charge(Share::Http, ANSWER);
        assert!(is_served(&memory, 8 << 10).await);
        let _waiting = tokio::spawn({
            let memory = memory.clone();
            async move { drop(memory.acquire(Demand::exactly(Share::Http, ANSWER)).await) }
        });
        tokio::task::yield_now().await;
        assert!(memory.is_contended(Share::Http));
        let started = Instant::now();
        assert!(!timeout(Duration::from_secs(60), is_served(&memory, 8 << 10)).await.expect("an end"));
        assert!(started.elapsed() >= GRACE);
        assert!(is_served(&memory, 128 << 10).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_an_answer_ends_when_all_of_it_is_written() {
        let memory = MemoryBudget::new(ANSWER);
        let _held = memory.charge(Share::Http, ANSWER);
        let (mut connection, mut client) = connection(memory).await;
        for _ in 0..2 {
            let (written, _) = tokio::join!(connection.write_all(&[0; 64 << 10]), async {
                client.read_exact(&mut [0; 64 << 10]).await.expect("an answer")
            });
            written.expect("written");
            assert!(connection.taking.is_some());
            connection.flush().await.expect("flushed");
            assert!(connection.taking.is_none());
        }
    }
}
