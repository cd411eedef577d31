//! The handle through which requests enter the write path.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::{mpsc, oneshot};

use super::backpressure::{Closed, Gate, Permit, REQUESTS_ADMITTED_MAX};
use super::pending_acks::Outcome;
use super::{PartitionAppend, ProduceError};

/// The write path. Clones share it.
#[derive(Clone, Debug)]
pub struct Produce {
    gate: Gate,
    appends: mpsc::Sender<AppendRequest>,
}

/// One append on its way to the flusher.
#[derive(Debug)]
pub struct AppendRequest {
    /// What to append.
    pub batches: Vec<PartitionAppend>,
    /// Its leave to be in memory.
    pub permit: Permit,
    /// Who waits for it.
    pub answer: oneshot::Sender<Vec<Outcome>>,
}

/// What becomes of each batch of one append, in its order. Resolves in its own time, whether polled or dropped meanwhile.
#[derive(Debug)]
pub struct AppendOutcomes {
    batches: usize,
    answer: oneshot::Receiver<Vec<Outcome>>,
}

impl Produce {
    /// The entry, and the end at which the flusher takes requests.
    #[must_use]
    pub fn new(unflushed_bytes_max: usize) -> (Self, mpsc::Receiver<AppendRequest>) {
        let (appends, requests) = mpsc::channel(REQUESTS_ADMITTED_MAX);
        (Self { gate: Gate::new(unflushed_bytes_max), appends }, requests)
    }

    /// Waits until `bytes` may be read into memory. Take this before reading a body off the socket.
    ///
    /// # Errors
    /// Once the agent drains.
    pub async fn admit(&self, bytes: usize) -> Result<Permit, Closed> {
        self.gate.admit(bytes).await
    }

    /// Whether admissions are waiting right now (what `throttle_time_ms` reports).
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.gate.is_throttling()
    }

    /// Whether what joins is still flushed: not after the write path's task has ended, by a drain or by a fault of ours.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.appends.is_closed()
    }

    /// The gate: its counts, and how it is closed.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Joins the open segment, at once: batches enter the log in the order of calls. The permit is given back when all
    /// outcomes are known.
    #[must_use = "the outcomes tell whether the batches are durable"]
    pub fn append(&self, batches: Vec<PartitionAppend>, permit: Permit) -> AppendOutcomes {
        let (answer, outcomes) = oneshot::channel();
        let outcomes = AppendOutcomes { batches: batches.len(), answer: outcomes };
        // The channel has room for every request that holds a permit. Where the flusher has gone, dropping the request
        // drops `answer` with it, which the outcomes read as draining.
        drop(self.appends.try_send(AppendRequest { batches, permit, answer }));
        outcomes
    }
}

impl Future for AppendOutcomes {
    type Output = Vec<Outcome>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        Poll::Ready(answer.unwrap_or_else(|_| vec![Err(ProduceError::Draining); self.batches]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_write_path_whose_task_has_died_says_so_and_turns_everything_away() {
        let (produce, task) = Produce::new(1 << 20);
        assert!(produce.is_running());
        drop(task);
        assert!(!produce.is_running());
        let permit = produce.admit(1).await.unwrap();
        assert_eq!(produce.append(Vec::new(), permit).await, []);
    }
}
