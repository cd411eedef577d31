//! One client's connection: frames in, responses out, in order.
//!
//! Owns: one socket. Invariants: it never holds more than the queue's limits of unanswered requests; the peer's end drops
//! all that is parked for it at once, while the rest of what it asked is still done; whatever the peer sends, nothing but
//! this connection is affected.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use alluvium_model::limits;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::dispatch::{Closing, Reply, route};
use super::frame_reader::{FrameError, FrameReader, Incoming};
use super::response_queue::ResponseQueue;
use crate::agent::Agent;

/// Parts of a response given to one vectored write; the kernel's own limit is 1,024.
const WRITE_PARTS_MAX: usize = 64;
/// How long an answer that is under way may still take when the agent stops, or the peer has gone. Produces of a stopping
/// agent may take [`limits::DRAIN`]; the peer's reading never.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The peer closed it.
    #[error("closed by the peer")]
    ByPeer,
    /// Nothing happened on it for too long.
    #[error("idle")]
    Idle,
    /// The agent stops.
    #[error("agent is draining")]
    Draining,
    /// The peer sent what cannot be answered otherwise.
    #[error(transparent)]
    Answered(#[from] Closing),
    /// The peer's frames cannot be read.
    #[error(transparent)]
    Unreadable(#[from] FrameError),
    /// The peer's socket takes no bytes.
    #[error("write failed: {0}")]
    Unwritable(io::Error),
}

enum Event<R> {
    Stop,
    Reply(Reply),
    Incoming(FrameReader<R>, Result<Incoming, FrameError>),
}

type Reading<R> = Pin<Box<dyn Future<Output = (FrameReader<R>, Result<Incoming, FrameError>)> + Send>>;

/// Serves one connection until it ends, and logs why where that is anybody's business.
pub async fn serve<R, W>(agent: Arc<Agent>, peer: SocketAddr, read: R, mut write: W, cancel: CancellationToken)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin,
{
    let config = &agent.config;
    let reader = FrameReader::new(read, agent.produce.clone(), config.frame_bytes_max, config.connections_idle_max);
    let ended = run(&agent, peer, reader, &mut write, &cancel).await;
    match &ended {
        Ended::Answered(_) | Ended::Unreadable(FrameError::Length { .. }) => {
            tracing::warn!(%peer, %ended, "connection closed");
        }
        Ended::ByPeer | Ended::Idle | Ended::Draining | Ended::Unreadable(_) | Ended::Unwritable(_) => {
            tracing::debug!(%peer, %ended, "connection closed");
        }
    }
}

async fn run<R, W>(
    agent: &Arc<Agent>,
    peer: SocketAddr,
    reader: FrameReader<R>,
    write: &mut W,
    cancel: &CancellationToken,
) -> Ended
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin,
{
    let mut queue = ResponseQueue::default();
    let ended = converse(agent, peer, reader, &mut queue, write, cancel).await;
    match ended {
        Ended::Draining => drain(agent, &mut queue, write).await,
        Ended::ByPeer | Ended::Unreadable(_) | Ended::Unwritable(_) => {
            finish(&mut queue).await;
            ended
        }
        Ended::Idle | Ended::Answered(_) => ended,
    }
}

/// Takes requests in and answers them, until something ends it.
async fn converse<R, W>(
    agent: &Arc<Agent>,
    peer: SocketAddr,
    reader: FrameReader<R>,
    queue: &mut ResponseQueue,
    write: &mut W,
    cancel: &CancellationToken,
) -> Ended
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin,
{
    let stall_max = agent.config.connections_idle_max;
    let mut reading: Reading<R> = Box::pin(reader.next());
    loop {
        let event = tokio::select! {
            biased;
            () = cancel.cancelled() => Event::Stop,
            reply = queue.next() => Event::Reply(reply),
            (reader, incoming) = &mut reading, if queue.has_room() => Event::Incoming(reader, incoming),
        };
        match event {
            Event::Stop => return Ended::Draining,
            Event::Reply(reply) => {
                if let Err(ended) = unless_stuck(deliver(agent, reply, write, stall_max), cancel).await {
                    return ended;
                }
            }
            Event::Incoming(reader, incoming) => {
                match incoming {
                    Ok(Incoming::Frame(frame, permit)) => {
                        agent.metrics.request_bytes.inc_by(frame.len() as u64);
                        queue.push(route(agent, peer, frame, permit));
                    }
                    Ok(Incoming::Idle) if queue.is_empty() => return Ended::Idle,
                    Ok(Incoming::Idle) => {}
                    Ok(Incoming::End) => return Ended::ByPeer,
                    Err(FrameError::Draining) => return Ended::Draining,
                    Err(error) => return Ended::Unreadable(error),
                }
                reading = Box::pin(reader.next());
            }
        }
    }
}

/// Delivers; once the agent stops, for a short while only.
async fn unless_stuck(
    delivering: impl Future<Output = Result<(), Ended>>,
    cancel: &CancellationToken,
) -> Result<(), Ended> {
    let mut delivering = pin!(delivering);
    tokio::select! {
        biased;
        delivered = &mut delivering => delivered,
        () = cancel.cancelled() => {
            let stuck = |_| Err(Ended::Unwritable(io::ErrorKind::TimedOut.into()));
            timeout(PATIENCE, delivering).await.unwrap_or_else(stuck)
        }
    }
}

/// Does what a peer asked before it went, and tells nobody.
async fn finish(queue: &mut ResponseQueue) {
    queue.hang_up();
    let do_all = async {
        while !queue.is_empty() {
            drop(queue.next().await);
        }
    };
    // What takes longer goes on by itself, or is lost as any request whose answer never came.
    let _ = timeout(PATIENCE, do_all).await;
}

/// Answers what is started, and no more.
async fn drain<W: AsyncWrite + Unpin>(agent: &Agent, queue: &mut ResponseQueue, write: &mut W) -> Ended {
    queue.drop_waiting();
    let patience = if queue.is_producing() { limits::DRAIN } else { PATIENCE };
    let answer_all = async {
        while !queue.is_empty() {
            deliver(agent, queue.next().await, write, PATIENCE).await?;
        }
        Ok(())
    };
    match timeout(patience, answer_all).await {
        Ok(Err(ended)) => ended,
        Ok(Ok(())) | Err(_) => Ended::Draining,
    }
}

async fn deliver<W: AsyncWrite + Unpin>(
    agent: &Agent,
    reply: Reply,
    write: &mut W,
    stall_max: Duration,
) -> Result<(), Ended> {
    match reply {
        Reply::Response { parts, .. } => {
            agent.metrics.response_bytes.inc_by(parts.iter().map(|part| part.len() as u64).sum());
            write_all(write, parts, stall_max).await.map_err(Ended::Unwritable)
        }
        Reply::Silence => Ok(()),
        Reply::Close(closing) => Err(Ended::Answered(closing)),
    }
}

/// Writes the parts as they are, many to a call; none is copied.
async fn write_all<W: AsyncWrite + Unpin>(write: &mut W, mut parts: Vec<Bytes>, stall_max: Duration) -> io::Result<()> {
    let mut first = 0;
    while first < parts.len() {
        let count = {
            let slices: Vec<IoSlice<'_>> =
                parts.iter().skip(first).take(WRITE_PARTS_MAX).map(|part| IoSlice::new(part)).collect();
            timeout(stall_max, write.write_vectored(&slices)).await.map_err(|_| io::ErrorKind::TimedOut)??
        };
        if count == 0 && parts.iter().skip(first).any(|part| !part.is_empty()) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let mut written = count;
        while let Some(part) = parts.get_mut(first)
            && part.len() <= written
        {
            written -= part.len();
            *part = Bytes::new();
            first += 1;
        }
        if let Some(part) = parts.get_mut(first) {
            part.advance(written);
        }
    }
    write.flush().await
}
