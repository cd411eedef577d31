//! One client's connection: frames in, responses out, in order.
//!
//! Owns: one socket. Invariants: it never holds more unanswered requests than the queue's limits; if the peer
//! disconnects, its long polls are dropped at once, while its other requests are completed; whatever the peer sends,
//! nothing but this connection is affected.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluvium_model::limits;
use alluvium_runtime::TaskPriority;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{Either, MaybeDone, maybe_done, select};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answer_window::{AnswerWindow, WrittenAnswer};
use super::answer_writer::{WriteError, WriteLimits, write_answer};
use super::dispatch::{Origin, route};
use super::fetch_session::ConnectionSession;
use super::frame_reader::{FrameError, FrameReader, Incoming};
use super::handler::{CloseReason, Reply};
use super::response_queue::ResponseQueue;
use crate::agent::Agent;

/// How long requests in flight may still take when the agent stops, or the peer has disconnected. Produces of a
/// stopping agent may take [`limits::DRAIN`]; a peer that does not read gets only this.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionEnd {
    /// The peer closed it.
    #[error("closed by the peer")]
    ByPeer,
    /// It was idle for too long.
    #[error("idle")]
    Idle,
    /// The agent is stopping.
    #[error("agent is draining")]
    Draining,
    /// The agent stood still, so that what the peer sent before may be repeated elsewhere by now.
    #[error("the agent stood still")]
    Paused,
    /// A request that can only be answered by closing.
    #[error(transparent)]
    Closed(#[from] CloseReason),
    /// The peer's frames cannot be read.
    #[error(transparent)]
    Unreadable(#[from] FrameError),
    /// The peer's socket takes no bytes, or too few.
    #[error(transparent)]
    Unwritable(#[from] WriteError),
}

impl ConnectionEnd {
    /// The reason in a word, by which log lines are limited.
    fn kind(&self) -> &'static str {
        match self {
            Self::ByPeer => "closed by peer",
            Self::Idle => "idle",
            Self::Draining => "draining",
            Self::Paused => "paused",
            Self::Closed(reason) => reason.kind(),
            Self::Unreadable(_) => "frame",
            Self::Unwritable(_) => "write",
        }
    }
}

enum Event {
    Stop,
    Paused,
    Reply(Reply),
    /// A frame is read, or none can be.
    Read,
}

type NextFrame<R> = Pin<Box<dyn Future<Output = (FrameReader<R>, Result<Incoming, FrameError>)> + Send>>;

/// The frame that is being read, until it is taken. One that holds memory which others wait for, or the next place in
/// their queue, is read on whatever else the connection waits for.
struct Reading<R> {
    next: MaybeDone<NextFrame<R>>,
    is_admitting: Arc<AtomicBool>,
}

impl<R: AsyncRead + Unpin + Send + 'static> Reading<R> {
    fn begin(reader: FrameReader<R>) -> Self {
        let is_admitting = reader.is_admitting();
        Self { next: maybe_done(Box::pin(reader.next())), is_admitting }
    }

    /// Whether there is something to take.
    fn is_done(&self) -> bool {
        matches!(self.next, MaybeDone::Done(_))
    }

    /// Whether it is to be read on, if the queue of requests has room or not.
    fn goes_on(&self, has_room: bool) -> bool {
        has_room || (self.is_admitting.load(Ordering::Relaxed) && !self.is_done())
    }

    /// Until there is something to take.
    async fn done(&mut self) {
        Pin::new(&mut self.next).await;
    }

    /// What was read. The next frame is read from then on.
    fn take(&mut self) -> Option<Result<Incoming, FrameError>> {
        let (reader, incoming) = Pin::new(&mut self.next).take_output()?;
        *self = Self::begin(reader);
        Some(incoming)
    }

    /// Finishes `other`, and reads on meanwhile, if it is to.
    async fn beside<T>(&mut self, has_room: bool, other: impl Future<Output = T>) -> T {
        if !self.goes_on(has_room) {
            return other.await;
        }
        match select(pin!(other), pin!(self.done())).await {
            Either::Left((finished, _)) => finished,
            Either::Right(((), other)) => other.await,
        }
    }
}

/// Serves one connection until it ends, and logs why: as a warning if the peer sent something invalid. `priority` is
/// that of the task that this runs in: low while a fetch reads old records and sends them, normal otherwise.
pub async fn serve<R, W>(
    agent: Arc<Agent>,
    peer: SocketAddr,
    priority: TaskPriority,
    read: R,
    mut write: W,
    cancel: CancellationToken,
) where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin,
{
    let config = &agent.config;
    let reader = FrameReader::new(read, agent.produce.clone(), config.frame_bytes_max, config.connections_idle_max);
    let fetch_session = Arc::new(ConnectionSession::new(Arc::clone(&agent.fetch_session_memory)));
    let (answer_window, began) = (Arc::new(AnswerWindow::default()), agent.pause_watch.begin());
    let origin = Origin { peer, fetch_session, answer_window, began, priority };
    let ended = run(&agent, &origin, reader, &mut write, &cancel).await;
    match &ended {
        ConnectionEnd::Closed(_) | ConnectionEnd::Unreadable(FrameError::Length { .. }) => {
            tracing::warn!(%peer, kind = ended.kind(), %ended, "connection closed");
        }
        ConnectionEnd::Unwritable(WriteError::TooSlow { .. }) => {
            agent.metrics.slow_readers.inc();
            tracing::warn!(%peer, kind = ended.kind(), %ended, "connection closed: the client takes no answers");
        }
        ConnectionEnd::ByPeer
        | ConnectionEnd::Idle
        | ConnectionEnd::Draining
        | ConnectionEnd::Paused
        | ConnectionEnd::Unreadable(_)
        | ConnectionEnd::Unwritable(WriteError::Io(_)) => {
            tracing::debug!(%peer, %ended, "connection closed");
        }
    }
}

async fn run<R, W>(
    agent: &Arc<Agent>,
    origin: &Origin,
    reader: FrameReader<R>,
    write: &mut W,
    cancel: &CancellationToken,
) -> ConnectionEnd
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin,
{
    let mut queue = ResponseQueue::default();
    let ended = serve_requests(agent, origin, reader, &mut queue, write, cancel).await;
    match ended {
        ConnectionEnd::Draining => drain(agent, &mut queue, write).await,
        ConnectionEnd::ByPeer | ConnectionEnd::Unreadable(_) | ConnectionEnd::Unwritable(_) => {
            finish(&mut queue).await;
            ended
        }
        ConnectionEnd::Idle | ConnectionEnd::Paused | ConnectionEnd::Closed(_) => ended,
    }
}

/// Reads requests and answers them, until the connection ends.
async fn serve_requests<R, W>(
    agent: &Arc<Agent>,
    origin: &Origin,
    reader: FrameReader<R>,
    queue: &mut ResponseQueue,
    write: &mut W,
    cancel: &CancellationToken,
) -> ConnectionEnd
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin,
{
    let stall_max = agent.config.connections_idle_max;
    let mut reading = Reading::begin(reader);
    let mut paused = pin!(agent.pause_watch.paused_since(origin.began));
    loop {
        let goes_on = reading.goes_on(queue.has_room());
        let event = tokio::select! {
            biased;
            () = cancel.cancelled() => Event::Stop,
            // Before anything that waits is begun.
            () = &mut paused => Event::Paused,
            reply = queue.next() => Event::Reply(reply),
            () = reading.done(), if goes_on => Event::Read,
        };
        match event {
            Event::Stop => return ConnectionEnd::Draining,
            Event::Paused => return ConnectionEnd::Paused,
            Event::Reply(reply) => {
                if reply.holds_memory() && queue.has_room() {
                    // Or a request that was sent before this answer would look as if it were sent after it.
                    let _ = reading.done().now_or_never();
                }
                let sending = within_end_timeout(send(agent, reply, write, stall_max), cancel);
                match reading.beside(queue.has_room(), sending).await {
                    Ok(written) => origin.answer_window.note(written, reading.is_done() || !queue.is_empty()),
                    Err(ended) => return ended,
                }
                // A fetch of old records has lowered it.
                origin.priority.restore().await;
            }
            Event::Read => {
                if queue.has_room()
                    && let Some(incoming) = reading.take()
                    && let Err(ended) = accept(agent, origin, incoming, queue)
                {
                    return ended;
                }
            }
        }
    }
}

/// Queues the request that was read, or says why the connection ends.
fn accept(
    agent: &Arc<Agent>,
    origin: &Origin,
    incoming: Result<Incoming, FrameError>,
    queue: &mut ResponseQueue,
) -> Result<(), ConnectionEnd> {
    match incoming {
        Ok(Incoming::Frame(frame, permit)) => {
            agent.metrics.request_bytes.inc_by(frame.len() as u64);
            queue.push(route(agent, origin, frame, permit));
            Ok(())
        }
        Ok(Incoming::Idle) if queue.is_empty() => Err(ConnectionEnd::Idle),
        Ok(Incoming::Idle) => Ok(()),
        Ok(Incoming::End) => Err(ConnectionEnd::ByPeer),
        Err(FrameError::Draining) => Err(ConnectionEnd::Draining),
        Err(error) => Err(ConnectionEnd::Unreadable(error)),
    }
}

/// Finishes `sending`; once the agent stops, only within [`END_TIMEOUT`].
async fn within_end_timeout<T>(
    sending: impl Future<Output = Result<T, ConnectionEnd>>,
    cancel: &CancellationToken,
) -> Result<T, ConnectionEnd> {
    let mut sending = pin!(sending);
    tokio::select! {
        biased;
        sent = &mut sending => sent,
        () = cancel.cancelled() => {
            let stalled = |_| {
                let error = io::Error::from(io::ErrorKind::TimedOut);
                Err(ConnectionEnd::Unwritable(error.into()))
            };
            timeout(END_TIMEOUT, sending).await.unwrap_or_else(stalled)
        }
    }
}

/// Finishes the requests of a peer that has disconnected, except its long polls; their replies are dropped.
async fn finish(queue: &mut ResponseQueue) {
    queue.disconnect();
    let finish_all = async {
        while !queue.is_empty() {
            drop(queue.next().await);
        }
    };
    // Work that takes longer continues in tasks of its own, or is dropped: the client has no answer either way.
    let _ = timeout(END_TIMEOUT, finish_all).await;
}

/// Answers the requests in flight, and drops those that are not started.
async fn drain<W: AsyncWrite + Unpin>(agent: &Agent, queue: &mut ResponseQueue, write: &mut W) -> ConnectionEnd {
    queue.drop_waiting();
    let limit = if queue.is_producing() { limits::DRAIN } else { END_TIMEOUT };
    let answer_all = async {
        while !queue.is_empty() {
            send(agent, queue.next().await, write, END_TIMEOUT).await?;
        }
        Ok(())
    };
    match timeout(limit, answer_all).await {
        Ok(Err(ended)) => ended,
        Ok(Ok(())) | Err(_) => ConnectionEnd::Draining,
    }
}

/// Writes one reply.
async fn send<W: AsyncWrite + Unpin>(
    agent: &Agent,
    reply: Reply,
    write: &mut W,
    stall_max: Duration,
) -> Result<WrittenAnswer, ConnectionEnd> {
    match reply {
        Reply::Response { parts, memory, .. } => {
            let bytes = parts.iter().map(Bytes::len).sum();
            agent.metrics.response_bytes.inc_by(bytes as u64);
            let limits = WriteLimits { stall_max, grace: agent.config.slow_reader_grace };
            let delayed_others = write_answer(write, parts, memory, limits).await?;
            Ok(WrittenAnswer { bytes, delayed_others })
        }
        Reply::NoResponse => Ok(WrittenAnswer::default()),
        Reply::Close(reason) => Err(ConnectionEnd::Closed(reason)),
    }
}
