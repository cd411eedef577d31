//! Writes one answer to a socket, and watches how fast the client takes it.
//!
//! Owns: the parts of an answer that are not written yet, and the memory that they hold. Invariants: memory is released
//! as it is written; an answer that takes longer than a moment holds no more memory than its bytes (its parts may be
//! small slices of large blocks); a client that is too slow while others wait for memory loses its connection.

use std::io::{self, IoSlice};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::memory::{Permit, Taking};

/// Parts of a response given to one vectored write; the kernel's own limit is 1,024.
const WRITE_PARTS_MAX: usize = 64;
/// How often the progress of a write is checked.
const PROGRESS_CHECK: Duration = Duration::from_millis(250);
/// Clients that keep up take an answer within this time. If it is not written then, it is copied out of the blocks that
/// its parts are slices of: segments, frames of producers.
const MOMENT: Duration = Duration::from_secs(1);
/// A client that has taken nothing of an answer for this long does not take it, as far as one can tell. If the answers
/// to such clients hold more than half of what their share holds, they lose their connections as soon as others wait.
const STALLED_AFTER: Duration = Duration::from_secs(3);

/// The time that a client has to take its answer.
#[derive(Clone, Copy, Debug)]
pub struct WriteLimits {
    /// Without taking any byte.
    pub stall_max: Duration,
    /// Before it must take it at a least rate, if others wait for memory.
    pub grace: Duration,
}

/// Why an answer was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The socket failed, or took no bytes for too long.
    #[error("write failed: {0}")]
    Io(#[from] io::Error),
    /// The client was too slow while others waited for memory.
    #[error("{written} bytes of an answer taken within {took:?}, while others wait for memory")]
    TooSlow {
        /// Bytes of the answer that the socket has taken.
        written: usize,
        /// The time since the first try to write.
        took: Duration,
    },
}

/// Writes a chain of buffers, many per system call; none is copied if the client keeps up. Returns whether the client
/// took longer than a moment while others waited for memory.
pub async fn write_answer<W: AsyncWrite + Unpin>(
    write: &mut W,
    parts: Vec<Bytes>,
    memory: Option<Permit>,
    limits: WriteLimits,
) -> Result<bool, WriteError> {
    let mut answer = Answer { parts, first: 0, memory };
    let (mut taking, mut is_copied, mut delays_others) = (Taking::begin(), false, false);
    while answer.has_more() {
        match timeout(PROGRESS_CHECK, write.write_vectored(&answer.slices())).await {
            Ok(count) => {
                let count = count?;
                answer.advance(count)?;
                taking.advance(count);
            }
            Err(_) if taking.pace().paused >= limits.stall_max => {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            Err(_) => {}
        }
        let pace = taking.pace();
        let (takes_long, is_stalled) = (pace.took > MOMENT, pace.paused > STALLED_AFTER);
        if takes_long && !is_copied {
            answer.copy_out();
            is_copied = true;
        }
        answer.set_stalled(is_stalled);
        let is_too_slow = pace.is_too_slow(limits.grace) || (is_stalled && answer.is_share_mostly_stalled());
        if (takes_long || is_too_slow) && answer.keeps_others_waiting() {
            if is_too_slow {
                return Err(WriteError::TooSlow { written: pace.taken, took: pace.took });
            }
            delays_others = true;
        }
    }
    write.flush().await?;
    Ok(delays_others)
}

/// What is left to be written of an answer.
struct Answer {
    parts: Vec<Bytes>,
    /// The first part that is not written.
    first: usize,
    memory: Option<Permit>,
}

impl Answer {
    fn has_more(&self) -> bool {
        self.first < self.parts.len()
    }

    fn left(&self) -> impl Iterator<Item = &Bytes> {
        self.parts.iter().skip(self.first)
    }

    fn slices(&self) -> Vec<IoSlice<'_>> {
        self.left().take(WRITE_PARTS_MAX).map(|part| IoSlice::new(part)).collect()
    }

    /// `count` bytes are written: releases their memory.
    fn advance(&mut self, count: usize) -> io::Result<()> {
        if count == 0 && self.left().any(|part| !part.is_empty()) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let mut count_left = count;
        while let Some(part) = self.parts.get_mut(self.first)
            && part.len() <= count_left
        {
            count_left -= part.len();
            *part = Bytes::new();
            self.first += 1;
        }
        if let Some(part) = self.parts.get_mut(self.first) {
            part.advance(count_left);
        }
        if let Some(memory) = &mut self.memory {
            memory.set(memory.bytes().saturating_sub(count));
        }
        Ok(())
    }

    fn copy_out(&mut self) {
        if self.memory.is_some() {
            let copy: Vec<u8> = self.left().flatten().copied().collect();
            (self.parts, self.first) = (vec![copy.into()], 0);
        }
    }

    fn set_stalled(&mut self, is_stalled: bool) {
        if let Some(memory) = &mut self.memory {
            memory.set_stalled(is_stalled);
        }
    }

    fn is_share_mostly_stalled(&self) -> bool {
        self.memory.as_ref().is_some_and(Permit::is_share_mostly_stalled)
    }

    fn keeps_others_waiting(&self) -> bool {
        self.memory.as_ref().is_some_and(Permit::is_contended)
    }
}
