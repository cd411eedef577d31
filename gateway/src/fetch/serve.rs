//! Blocks for other agents of the zone: out of memory, or loaded once and kept, so that the next who asks gets them out of
//! memory. Nobody else is asked, whoever the others think owns what.
//!
//! Segments are kept as new, history files as old: each in the budget in which this agent's own readers would have put them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Fetch, LoadError};
use crate::peers::{BlockName, Part, PeerError, SEGMENT_BYTES_SERVED_MAX};

/// Blocks given at once, at most 32 MiB each and 8 MiB as a rule: 128 MiB. Who asks for more is told so, and goes to the
/// object store.
const SERVED_AT_ONCE_MAX: usize = 16;
/// Time to load one; who asked has given up by then.
const SERVE_PATIENCE: Duration = Duration::from_secs(2);

/// Room for blocks on their way to other agents.
#[derive(Clone, Debug)]
pub struct Serving {
    room: Arc<Semaphore>,
}

/// A block, and the room it takes until it is sent.
#[derive(Debug)]
pub struct ServedBlock {
    /// Its bytes.
    pub bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// Why another agent is not given a block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServeError {
    /// Too many are asked for at once.
    #[error("{SERVED_AT_ONCE_MAX} blocks are on their way to other agents; ask the object store")]
    Busy,
    /// There is no such object.
    #[error("{0}")]
    Absent(String),
    /// The object does not have this part.
    #[error("{0}")]
    Mismatch(String),
    /// The segment is larger than what is passed on.
    #[error("the segment has {0} bytes; at most {SEGMENT_BYTES_SERVED_MAX} are passed on")]
    TooLarge(usize),
    /// The object store is slow.
    #[error("not loaded within {} s", SERVE_PATIENCE.as_secs())]
    Late,
    /// The object store does not give it.
    #[error("{0}")]
    Storage(String),
}

impl Serving {
    /// Nothing on its way.
    #[must_use]
    pub fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(SERVED_AT_ONCE_MAX)) }
    }
}

impl Fetch {
    /// A block for another agent.
    ///
    /// # Errors
    /// Where there is none, or no room or time to give it.
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
        let room = Arc::clone(&self.shared.serving.room).try_acquire_owned().map_err(|_| ServeError::Busy)?;
        let loaded = timeout(SERVE_PATIENCE, self.block(name)).await.map_err(|_| ServeError::Late)?;
        let (bytes, answer) = loaded.map_err(ServeError::from)?;
        if bytes.len() > name.bytes_max() {
            return Err(ServeError::TooLarge(bytes.len()));
        }
        Ok((ServedBlock { bytes, _room: room }, answer))
    }

    /// The bytes, and where they came from.
    async fn block(&self, name: &BlockName) -> Result<(Bytes, &'static str), LoadError> {
        let loader = &self.shared.loader;
        let from = |is_here: bool| if is_here { "memory" } else { "store" };
        match name.part() {
            Part::Whole => {
                if let Some(whole) = loader.recent.whole(name.object()) {
                    return Ok((whole, from(true)));
                }
                let is_here = loader.tail.has_whole(name.object());
                let whole = loader.tail.without_neighbours().whole(name.object(), name.key()).await?;
                Ok((whole, from(is_here)))
            }
            Part::Range(range) => {
                let is_here = loader.backfill.has_range(name.object(), range);
                let backfill = loader.backfill.without_neighbours();
                // The object may be larger: then the end is that of a block, and nothing beyond it matters.
                let parts = backfill.read(name.object(), name.key(), range.end, range.clone()).await?;
                let bytes = if let [one] = parts.as_slice() { one.clone() } else { parts.concat().into() };
                Ok((bytes, from(is_here)))
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

/// What who asked makes of it.
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
