//! Connections: how many, and how long they may be silent.

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

/// Connections open at once; further clients wait to be accepted. Far fewer than Kafka's: HTTP is for people and scripts.
const CONNECTIONS_MAX: usize = 1_000;
/// After a failure to accept (no file descriptor left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Lets connections in.
pub struct Doorway {
    socket: TcpListener,
    address: SocketAddr,
    room: Arc<Semaphore>,
    open: Gauge,
    silence_max: Duration,
}

impl Doorway {
    /// Counts those inside in `open`; whoever is silent for `silence_max` has to leave.
    pub fn new(socket: TcpListener, address: SocketAddr, open: Gauge, silence_max: Duration) -> Self {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Self { socket, address, room, open, silence_max }
    }

    async fn let_in(&self) -> io::Result<(Connection, SocketAddr)> {
        let place = Arc::clone(&self.room).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.socket.accept().await?;
        stream.set_nodelay(true)?;
        Ok((Connection::new(stream, self.silence_max, self.open.clone(), place), peer))
    }
}

impl axum::serve::Listener for Doorway {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.let_in().await {
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

/// One client's socket. Reads and writes fail once it has been silent for too long.
pub struct Connection {
    stream: TcpStream,
    silence: Pin<Box<Sleep>>,
    silence_max: Duration,
    open: Gauge,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, silence_max: Duration, open: Gauge, place: OwnedSemaphorePermit) -> Self {
        open.inc();
        Self { stream, silence: Box::pin(sleep(silence_max)), silence_max, open, _place: place }
    }

    /// What the socket says; where it says nothing, whether it has for too long.
    fn unless_silent<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.silence.as_mut().reset(Instant::now() + self.silence_max);
            return polled;
        }
        self.silence.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
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
        self.unless_silent(polled, context)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_silent(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.unless_silent(polled, context)
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
