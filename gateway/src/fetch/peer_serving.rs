//! Serves blocks to other agents of the zone: from memory, or loaded once and cached, so that the next agent gets them
//! from memory. The block is never requested from a third agent, even if agents disagree about who owns it.
//!
//! Segments go through the tail cache and history files through the cold cache, as they do for this agent's own
//! readers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Fetch, LoadError};
use crate::peers::{BlockName, Part, PeerError, SEGMENT_BYTES_SERVED_MAX};

/// Blocks served at the same time, at most 32 MiB each and usually 8 MiB: 128 MiB. Further requests are answered
/// "busy", and the other agent reads the object store.
const CONCURRENT_BLOCKS_MAX: usize = 16;
/// Time to load one block. The agent that requested it has given up by then.
const SERVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Bounds the blocks on their way to other agents.
#[derive(Clone, Debug)]
pub struct ServingLimiter {
    permits: Arc<Semaphore>,
}

/// A block for another agent. It counts against the limit of concurrent blocks until it is dropped.
#[derive(Debug)]
pub struct ServedBlock {
    /// The bytes of the block.
    pub bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

/// Why another agent is not served a block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServeError {
    /// Too many blocks are being served.
    #[error("{CONCURRENT_BLOCKS_MAX} blocks are on their way to other agents; read the object store")]
    Busy,
    /// There is no such object.
    #[error("{0}")]
    Absent(String),
    /// The object does not have these bytes.
    #[error("{0}")]
    Mismatch(String),
    /// The segment is too large to be sent to other agents; its size in bytes.
    #[error("the segment has {0} bytes; at most {SEGMENT_BYTES_SERVED_MAX} are served to other agents")]
    TooLarge(usize),
    /// The object store did not answer in time.
    #[error("not loaded within {} s", SERVE_TIMEOUT.as_secs())]
    Late,
    /// The object store failed.
    #[error("{0}")]
    Storage(String),
}

impl ServingLimiter {
    /// A limiter with all permits free.
    #[must_use]
    pub fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(CONCURRENT_BLOCKS_MAX)) }
    }
}

impl Fetch {
    /// Loads a block for another agent.
    ///
    /// # Errors
    /// If the block does not exist, is too large, or cannot be loaded now.
    pub async fn serve_block(&self, name: &BlockName) -> Result<ServedBlock, ServeError> {
        let served = self.serve(name).await;
        let peers = &self.shared.loader.metrics.peers;
        match &served {
            Ok((block, answer)) => peers.answered(answer, block.bytes.len()),
            Err(error) => peers.answered(error.label(), 0),
        }
        served.map(|(block, _)| block)
    }

    async fn serve(&self, name: &BlockName) -> Result<(ServedBlock, &'static str), ServeError> {
        let permits = Arc::clone(&self.shared.serving.permits);
        let permit = permits.try_acquire_owned().map_err(|_| ServeError::Busy)?;
        let loaded = timeout(SERVE_TIMEOUT, self.block(name)).await.map_err(|_| ServeError::Late)?;
        let (bytes, answer) = loaded.map_err(ServeError::from)?;
        if bytes.len() > name.bytes_max() {
            return Err(ServeError::TooLarge(bytes.len()));
        }
        Ok((ServedBlock { bytes, _permit: permit }, answer))
    }

    /// The bytes, and the metric label that says where they came from.
    async fn block(&self, name: &BlockName) -> Result<(Bytes, &'static str), LoadError> {
        let loader = &self.shared.loader;
        let label = |is_cached: bool| if is_cached { "memory" } else { "store" };
        match name.part() {
            Part::Whole => {
                if let Some(whole) = loader.recent.whole(name.object()) {
                    return Ok((whole, label(true)));
                }
                let is_cached = loader.tail.has_whole(name.object());
                let whole = loader.tail.without_peers().whole(name.object(), name.key()).await?;
                Ok((whole, label(is_cached)))
            }
            Part::Range(range) => {
                let is_cached = loader.cold.has_range(name.object(), range);
                let cold = loader.cold.without_peers();
                // The object's size is not known here. If the object is larger, the range ends with a block.
                let parts = cold.read(name.object(), name.key(), range.end, range.clone()).await?;
                let bytes = if let [one] = parts.as_slice() { one.clone() } else { parts.concat().into() };
                Ok((bytes, label(is_cached)))
            }
        }
    }
}

impl From<LoadError> for ServeError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Gone(reason) => Self::Absent(reason),
            LoadError::Corrupt(reason) => Self::Mismatch(reason),
            LoadError::Storage(reason) => Self::Storage(reason),
        }
    }
}

/// The error as the agent that requested the block sees it.
impl From<ServeError> for PeerError {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Busy => Self::Busy,
            ServeError::Absent(_) => Self::Absent,
            ServeError::TooLarge(_) => Self::TooLarge,
            ServeError::Mismatch(_) | ServeError::Late | ServeError::Storage(_) => Self::Refused(error.to_string()),
        }
    }
}

impl ServeError {
    /// The metric label.
    fn label(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Absent(_) => "absent",
            Self::Mismatch(_) => "mismatch",
            Self::TooLarge(_) => "too_large",
            Self::Late => "late",
            Self::Storage(_) => "storage",
        }
    }
}
