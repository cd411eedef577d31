//! The handle through which requests enter the write path.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Ack, Closed, PartitionAppend, Permit, ProduceError};

/// The write path. Clones share it.
#[derive(Clone)]
pub struct Produce {}

/// What becomes of each batch of one append, in its order. Resolves in its own time, whether polled or dropped meanwhile.
pub struct AppendOutcomes {}

impl Produce {
    /// Waits until `bytes` may be read into memory. Take this before reading a body off the socket.
    ///
    /// # Errors
    /// Once the agent drains.
    pub async fn admit(&self, bytes: usize) -> Result<Permit, Closed> {
        let _ = bytes;
        unimplemented!()
    }

    /// Whether admissions are waiting right now (what `throttle_time_ms` reports).
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        unimplemented!()
    }

    /// Joins the open segment, at once: batches enter the log in the order of calls. The permit is given back when all
    /// outcomes are known.
    #[must_use = "the outcomes tell whether the batches are durable"]
    pub fn append(&self, batches: Vec<PartitionAppend>, permit: Permit) -> AppendOutcomes {
        let _ = (batches, permit);
        unimplemented!()
    }
}

impl Future for AppendOutcomes {
    type Output = Vec<Result<Ack, ProduceError>>;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        unimplemented!()
    }
}
