//! Blocks served to other agents: the limit on how many at the same time, and why one is not served.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::LoadError;
use crate::memory::{Demand, MemoryBudget, Permit, Share};
use crate::peers::{PeerError, SEGMENT_BYTES_SERVED_MAX};

/// Blocks served at the same time. Further requests are answered "busy", as are those for which there is no memory, and
/// the other agent reads the object store.
const CONCURRENT_BLOCKS_MAX: usize = 16;
/// Time to load one block. The agent that requested it has given up by then.
pub const SERVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Limits the blocks that are being sent to other agents.
#[derive(Clone, Debug)]
pub struct ServingLimiter {
    permits: Arc<Semaphore>,
    memory: MemoryBudget,
}

/// The right to serve one block, with the memory for it.
#[derive(Debug)]
pub struct ServingPermit {
    _one: OwnedSemaphorePermit,
    memory: Permit,
}

/// A block for another agent. It counts against the limit of concurrent blocks, and holds memory, until it is dropped.
#[derive(Debug)]
pub struct ServedBlock {
    /// The bytes of the block.
    pub bytes: Bytes,
    _permit: ServingPermit,
}

/// Why another agent is not served a block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServeError {
    /// Too many blocks are being served.
    #[error("too many blocks are being sent to other agents; read the object store")]
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

impl ServedBlock {
    /// The block `bytes`, served under `permit`.
    #[must_use]
    pub fn new(bytes: Bytes, mut permit: ServingPermit) -> Self {
        permit.memory.set(bytes.len());
        Self { bytes, _permit: permit }
    }
}

impl ServingLimiter {
    /// A limiter with all permits free, whose blocks take their memory from `memory`.
    #[must_use]
    pub fn new(memory: MemoryBudget) -> Self {
        Self { permits: Arc::new(Semaphore::new(CONCURRENT_BLOCKS_MAX)), memory }
    }

    /// A permit to serve one block of about `bytes`, if one is free.
    ///
    /// # Errors
    /// If too many blocks are being served.
    pub fn acquire(&self, bytes: usize) -> Result<ServingPermit, ServeError> {
        let one = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| ServeError::Busy)?;
        let memory = self.memory.try_acquire(Demand::exactly(Share::Peers, bytes)).ok_or(ServeError::Busy)?;
        Ok(ServingPermit { _one: one, memory })
    }
}

impl From<LoadError> for ServeError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::NotFound(reason) => Self::Absent(reason),
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
            ServeError::Mismatch(_) | ServeError::Late | ServeError::Storage(_) => Self::Rejected(error.to_string()),
        }
    }
}

impl ServeError {
    /// The metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
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
