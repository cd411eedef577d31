//! The handle of the write path, through which requests enter it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::{mpsc, oneshot};

use super::backpressure::{AdmissionSemaphore, Closed, Permit, REQUESTS_ADMITTED_MAX};
use super::{AppendResult, PartitionAppend, ProduceError, RateLimit};

/// A handle of the write path. Clones share it.
#[derive(Clone, Debug)]
pub struct Produce {
    admission: AdmissionSemaphore,
    rate_limit: RateLimit,
    appends: mpsc::Sender<AppendRequest>,
}

/// One append, as it is sent to the event loop.
#[derive(Debug)]
pub struct AppendRequest {
    /// The batches to append, in order.
    pub batches: Vec<PartitionAppend>,
    /// The permit for the memory that it takes, until it is answered.
    pub permit: Permit,
    /// Takes the results, one for each batch.
    pub answer: oneshot::Sender<Vec<AppendResult>>,
}

/// The result of each batch of one append, in order. The append continues even if this future is dropped.
#[derive(Debug)]
pub struct AppendOutcomes {
    batches: usize,
    answer: oneshot::Receiver<Vec<AppendResult>>,
}

impl Produce {
    /// A handle, and the receiver from which the event loop takes appends.
    #[must_use]
    pub fn new(unflushed_bytes_max: usize) -> (Self, mpsc::Receiver<AppendRequest>) {
        let (appends, requests) = mpsc::channel(REQUESTS_ADMITTED_MAX);
        let admission = AdmissionSemaphore::new(unflushed_bytes_max);
        (Self { admission, rate_limit: RateLimit::none(), appends }, requests)
    }

    /// Waits until `bytes` may be read into memory. Call this before reading a body off the socket.
    ///
    /// # Errors
    /// If the agent drains.
    pub async fn admit(&self, bytes: usize) -> Result<Permit, Closed> {
        self.admit_copies(bytes, 1).await
    }

    /// As [`Self::admit`], for a body of `bytes` that is in memory `copies` times.
    ///
    /// # Errors
    /// If the agent drains.
    pub async fn admit_copies(&self, bytes: usize, copies: usize) -> Result<Permit, Closed> {
        self.rate_limit.wait(bytes).await;
        self.admission.acquire(bytes.saturating_mul(copies)).await
    }

    /// The limit on bytes/s, which is set while compaction falls behind.
    #[must_use]
    pub fn rate_limit(&self) -> &RateLimit {
        &self.rate_limit
    }

    /// Whether requests wait right now, for memory or because of the rate, which `throttle_time_ms` reports.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.admission.is_throttling() || self.rate_limit.get().is_some()
    }

    /// Whether the event loop runs. It ends when the agent drains, or by a panic.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.appends.is_closed()
    }

    /// The limit on unacknowledged bytes and requests: its counts, and how it is closed.
    #[must_use]
    pub fn admission(&self) -> &AdmissionSemaphore {
        &self.admission
    }

    /// Adds batches to the open segment at once: they enter the log in the order of calls. The permit is released when
    /// all results are known.
    #[must_use = "the results say whether the batches are durable"]
    pub fn append(&self, batches: Vec<PartitionAppend>, permit: Permit) -> AppendOutcomes {
        let (answer, outcomes) = oneshot::channel();
        let outcomes = AppendOutcomes { batches: batches.len(), answer: outcomes };
        // The channel has room for every request that holds a permit. If the event loop has ended, the request is
        // dropped, and `answer` with it, which the receiver reads as draining.
        drop(self.appends.try_send(AppendRequest { batches, permit, answer }));
        outcomes
    }
}

impl Future for AppendOutcomes {
    type Output = Vec<AppendResult>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        Poll::Ready(answer.unwrap_or_else(|_| vec![Err(ProduceError::Draining); self.batches]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_the_event_loop_has_ended_the_handle_reports_it_and_appends_fail() {
        let (produce, task) = Produce::new(1 << 20);
        assert!(produce.is_running());
        drop(task);
        assert!(!produce.is_running());
        let permit = produce.admit(1).await.unwrap();
        assert_eq!(produce.append(Vec::new(), permit).await, []);
    }
}
