//! The queue of ends: those that come while a metastore transaction is under way are made together by the next one. So
//! the ends that come through one agent do not conflict with each other, in whatever partitions they are.

use alluvium_metastore::keyspace::Error;
use alluvium_metastore::kv::Error as KvError;
use alluvium_metastore::transactions::{EndRequest, TransactionFailure};
use alluvium_model::transaction::TransactionalProducer;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::parts::TransactionsParts;

/// Ends that wait at an agent: with transactional ids of any length, some megabytes. Further ones wait for room.
const QUEUED_MAX: usize = 1_000;
/// Ends in one metastore transaction: with transactional ids of any length, their states are far from its limits. What
/// belongs to the transactions is limited by the metastore.
const AT_ONCE_MAX: usize = 50;

/// The answer to a request to end a transaction.
type Answer = Result<TransactionalProducer, TransactionFailure>;

/// A request and who waits for its answer.
#[derive(Debug)]
pub(super) struct QueuedEnd {
    request: EndRequest,
    answer: oneshot::Sender<Answer>,
}

/// The handle of the queue. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct EndQueue {
    sender: mpsc::Sender<QueuedEnd>,
}

impl EndQueue {
    /// An empty queue, and what [`run`] takes from it.
    pub(super) fn new() -> (Self, mpsc::Receiver<QueuedEnd>) {
        let (sender, queue) = mpsc::channel(QUEUED_MAX);
        (Self { sender }, queue)
    }

    /// Ends a transaction, and waits for the answer. It is ended even if this future is dropped.
    ///
    /// # Errors
    /// As [`end`](alluvium_model::transaction::end), or if the agent stops or the metastore fails.
    pub(super) async fn end(&self, request: EndRequest) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.sender.send(QueuedEnd { request, answer }).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }
}

/// What a client retries at another agent: this one does not reach the metastore any more.
fn stopping() -> TransactionFailure {
    Error::Kv(KvError::Unavailable("the agent is stopping".into())).into()
}

/// Makes what is in the queue, until `cancel`.
pub(super) async fn run(parts: TransactionsParts, mut queue: mpsc::Receiver<QueuedEnd>, cancel: CancellationToken) {
    let work = async {
        let mut queued = Vec::new();
        while queue.recv_many(&mut queued, AT_ONCE_MAX).await > 0 {
            parts.metrics.transaction_ends_waiting.set(i64::try_from(queue.len()).unwrap_or(i64::MAX));
            parts.end_all(std::mem::take(&mut queued)).await;
        }
    };
    cancel.run_until_cancelled(work).await;
}

impl TransactionsParts {
    async fn end_all(&self, queued: Vec<QueuedEnd>) {
        let (requests, answers): (Vec<_>, Vec<_>) = queued.into_iter().map(|end| (end.request, end.answer)).unzip();
        let (mut requests, mut answers) = (requests.as_slice(), answers.into_iter());
        let mut at_once = AT_ONCE_MAX;
        while !requests.is_empty() {
            let (first, _) = requests.split_at(at_once.min(requests.len()));
            let results: Vec<Answer> = match self.transactions.end_first(first, || self.clock.now()).await {
                Ok(results) => results,
                // What is wrong with one of them does not keep the others from being made.
                Err(error) if first.len() > 1 && !error.is_retryable() => {
                    at_once = 1;
                    continue;
                }
                Err(error) => first.iter().map(|_| Err(error.clone().into())).collect(),
            };
            requests = &requests[results.len()..];
            self.sync().await;
            for (answer, result) in answers.by_ref().zip(results) {
                // Whoever asked may be gone.
                let _ = answer.send(result);
            }
        }
    }
}
