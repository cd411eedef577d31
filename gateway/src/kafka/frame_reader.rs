//! Reads frames from a socket: checks the length first, and reads the body only with a permit.
//!
//! Owns: the read side of one connection. Invariants: no more memory is taken than the frame's checked length; a
//! Produce frame, and any large one, is read only after the agent's back-pressure has admitted it, so that over the
//! limit the socket fills up and the client waits; a client that holds a permit and sends too slowly is disconnected
//! once others wait for one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluvium_wire::ApiKey;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout};

use crate::produce::{Permit, Produce};

/// Frames up to this size are read through the connection's own buffer; it is all that an idle connection costs.
const BUFFER_BYTES: usize = 8 << 10;
/// Frames of other APIs than Produce need no admission up to this size.
const UNADMITTED_BYTES_MAX: usize = 1 << 20;
/// The longest pause within a frame: it may hold a permit that others wait for.
const FRAME_STALL_MAX: Duration = Duration::from_secs(60);
/// While others wait for permits, a frame that holds one must arrive at this rate: a client that announces a large
/// frame and sends nothing would keep them waiting.
const CONTENDED_BYTES_PER_SECOND_MIN: u32 = 1 << 20;
/// Time before that rate is required: for the sender to notice that it is read, and for ordinary requests on slow
/// lines.
const CONTENDED_GRACE: Duration = Duration::from_secs(2);
/// How often the rate of a frame is checked.
const PACE_CHECK: Duration = Duration::from_millis(250);
/// Size of the length prefix.
const LENGTH_BYTES: usize = 4;
/// API key, version and correlation id: the shortest request.
const REQUEST_BYTES_MIN: usize = 8;

/// The read side of one connection.
pub struct FrameReader<R> {
    source: R,
    buffer: BytesMut,
    produce: Produce,
    frame_bytes_max: usize,
    idle_max: Duration,
    is_admitting: Arc<AtomicBool>,
}

/// What the peer did next.
#[derive(Debug)]
pub enum Incoming {
    /// It sent a whole frame (here without its length prefix), read with a permit if it needed one.
    Frame(Bytes, Option<Permit>),
    /// It sent nothing for the longest time allowed.
    Idle,
    /// It closed its side, at the end of a frame.
    End,
}

/// Why nothing more can be read from a connection.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A length that no frame has.
    #[error("frame length {length} is not between {REQUEST_BYTES_MIN} and {max}")]
    Length {
        /// The length that was sent.
        length: i32,
        /// The configured limit.
        max: usize,
    },
    /// The peer closed its side within a frame.
    #[error("connection ended within a frame")]
    Truncated,
    /// The peer stopped sending within a frame.
    #[error("no byte of a begun frame within {FRAME_STALL_MAX:?}")]
    Stalled,
    /// The peer was slow within a frame while others waited for the memory that this one holds.
    #[error("{received} bytes of a frame within {took:?}, while others wait")]
    Slow {
        /// Bytes of the frame received so far.
        received: usize,
        /// The time since the frame got its permit.
        took: Duration,
    },
    /// The agent is stopping and admits nothing more.
    #[error("agent is draining")]
    Draining,
    /// The socket failed.
    #[error("read failed: {0}")]
    Io(#[from] io::Error),
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// A reader of `source`, whose permits come from `produce`. Longer frames than `frame_bytes_max` are an error;
    /// a pause of `idle_max` between frames is [`Incoming::Idle`].
    pub fn new(source: R, produce: Produce, frame_bytes_max: usize, idle_max: Duration) -> Self {
        let is_admitting = Arc::default();
        Self { source, buffer: BytesMut::new(), produce, frame_bytes_max, idle_max, is_admitting }
    }

    /// Whether the frame that is being read waits for a permit or holds one, so that it must be read on.
    pub fn is_admitting(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_admitting)
    }

    /// The next frame. Takes and returns the reader, so that the future can be kept across other events.
    pub async fn next(mut self) -> (Self, Result<Incoming, FrameError>) {
        let incoming = self.read().await;
        self.is_admitting.store(false, Ordering::Relaxed);
        (self, incoming)
    }

    async fn read(&mut self) -> Result<Incoming, FrameError> {
        if self.buffer.is_empty() {
            let Ok(read) = timeout(self.idle_max, self.fill()).await else { return Ok(Incoming::Idle) };
            if read? == 0 {
                return Ok(Incoming::End);
            }
        }
        self.buffer_at_least(LENGTH_BYTES).await?;
        let length = self.buffer.first_chunk().map_or(0, |bytes| i32::from_be_bytes(*bytes));
        let bytes = self.checked(length)?;
        self.buffer_at_least(LENGTH_BYTES + 2).await?;
        let api_key = self.buffer[LENGTH_BYTES..].first_chunk().map_or(-1, |bytes| i16::from_be_bytes(*bytes));
        let permit = self.permit_for(api_key, bytes).await?;
        let body =
            if LENGTH_BYTES + bytes <= BUFFER_BYTES { self.small(bytes).await? } else { self.large(bytes).await? };
        Ok(Incoming::Frame(body, permit))
    }

    fn checked(&self, length: i32) -> Result<usize, FrameError> {
        usize::try_from(length)
            .ok()
            .filter(|bytes| (REQUEST_BYTES_MIN..=self.frame_bytes_max).contains(bytes))
            .ok_or(FrameError::Length { length, max: self.frame_bytes_max })
    }

    async fn permit_for(&mut self, api_key: i16, bytes: usize) -> Result<Option<Permit>, FrameError> {
        if api_key != ApiKey::Produce.code() && bytes <= UNADMITTED_BYTES_MAX {
            return Ok(None);
        }
        self.is_admitting.store(true, Ordering::Relaxed);
        self.produce.admit(bytes).await.map(Some).map_err(|_| FrameError::Draining)
    }

    /// Reads a frame that fits the buffer, and copies it out: parts of a frame that are kept (batches in caches,
    /// metadata of members) must not keep the whole buffer in memory, and the buffer is used again.
    async fn small(&mut self, bytes: usize) -> Result<Bytes, FrameError> {
        self.buffer_at_least(LENGTH_BYTES + bytes).await?;
        let body = Bytes::copy_from_slice(&self.buffer[LENGTH_BYTES..LENGTH_BYTES + bytes]);
        self.buffer.advance(LENGTH_BYTES + bytes);
        Ok(body)
    }

    /// Reads a frame into memory of its own, of exactly its size.
    async fn large(&mut self, bytes: usize) -> Result<Bytes, FrameError> {
        let mut body = BytesMut::with_capacity(bytes);
        let received = self.buffer.split_to(self.buffer.len().min(LENGTH_BYTES + bytes));
        body.extend_from_slice(&received[LENGTH_BYTES..]);
        let admitted = Instant::now();
        let mut last_read = admitted;
        while body.len() < bytes {
            let missing = bytes - body.len();
            let mut rest = (&mut body).limit(missing);
            match timeout(PACE_CHECK, self.source.read_buf(&mut rest)).await {
                Ok(Ok(0)) => return Err(FrameError::Truncated),
                Ok(read) => {
                    read?;
                    last_read = Instant::now();
                }
                Err(_) if last_read.elapsed() > FRAME_STALL_MAX => return Err(FrameError::Stalled),
                Err(_) => {}
            }
            self.check_pace(body.len(), admitted.elapsed())?;
        }
        Ok(body.freeze())
    }

    fn check_pace(&self, received: usize, took: Duration) -> Result<(), FrameError> {
        let fair = CONTENDED_GRACE + Duration::from_secs(received as u64) / CONTENDED_BYTES_PER_SECOND_MIN;
        if took > fair && self.produce.admission().is_throttling() {
            return Err(FrameError::Slow { received, took });
        }
        Ok(())
    }

    async fn buffer_at_least(&mut self, bytes: usize) -> Result<(), FrameError> {
        while self.buffer.len() < bytes {
            if timeout(FRAME_STALL_MAX, self.fill()).await.map_err(|_| FrameError::Stalled)?? == 0 {
                return Err(FrameError::Truncated);
            }
        }
        Ok(())
    }

    /// Reads what has arrived, up to a full buffer.
    async fn fill(&mut self) -> io::Result<usize> {
        let missing = BUFFER_BYTES.saturating_sub(self.buffer.len()).max(1);
        self.buffer.reserve(missing);
        self.source.read_buf(&mut (&mut self.buffer).limit(missing)).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const MIB: usize = 1 << 20;

    /// A reader of what the other end sends: the length prefix of a Produce frame of `announced` bytes.
    async fn announcing(produce: &Produce, announced: usize) -> (FrameReader<DuplexStream>, DuplexStream) {
        let (mut ours, theirs) = duplex(4 * MIB);
        ours.write_all(&[&u32::try_from(announced).unwrap().to_be_bytes()[..], &[0; 8]].concat()).await.unwrap();
        (FrameReader::new(theirs, produce.clone(), 4 * MIB, Duration::from_secs(600)), ours)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_announces_a_frame_and_sends_nothing_does_not_block_others() {
        let (produce, _appends) = Produce::new(2 * MIB);
        let (silent, _open) = announcing(&produce, 2 * MIB).await;
        let (honest, mut sender) = announcing(&produce, MIB).await;
        sender.write_all(&vec![0; MIB - 8]).await.unwrap();
        let silent = tokio::spawn(async move { silent.next().await.1 });
        tokio::task::yield_now().await;
        let began = Instant::now();
        assert!(matches!(honest.next().await.1, Ok(Incoming::Frame(frame, Some(_))) if frame.len() == MIB));
        assert!(began.elapsed() < CONTENDED_GRACE + 2 * PACE_CHECK);
        assert!(matches!(silent.await.unwrap(), Err(FrameError::Slow { received: 8, .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_frame_is_accepted_while_nobody_else_waits() {
        let (produce, _appends) = Produce::new(2 * MIB);
        let (slow, mut sender) = announcing(&produce, MIB).await;
        let slow = tokio::spawn(async move { slow.next().await.1 });
        tokio::time::sleep(FRAME_STALL_MAX - Duration::from_secs(1)).await;
        sender.write_all(&vec![0; MIB - 8]).await.unwrap();
        assert!(matches!(slow.await.unwrap(), Ok(Incoming::Frame(frame, _)) if frame.len() == MIB));
    }

    #[tokio::test]
    async fn a_small_frame_that_is_kept_holds_no_more_memory_than_its_own() {
        let (produce, _appends) = Produce::new(1 << 20);
        let frame = [&12_i32.to_be_bytes()[..], &[0; 12]].concat();
        let bytes = frame.repeat(100);
        let mut reader = FrameReader::new(&bytes[..], produce, 1 << 20, Duration::from_secs(1));
        let mut kept = Vec::new();
        loop {
            let incoming;
            (reader, incoming) = reader.next().await;
            match incoming.unwrap() {
                Incoming::Frame(frame, _) => kept.push(frame),
                Incoming::Idle | Incoming::End => break,
            }
        }
        assert_eq!(kept.len(), 100);
        // None shares the reader's buffer, or another's memory.
        assert!(kept.iter().all(Bytes::is_unique));
    }
}
