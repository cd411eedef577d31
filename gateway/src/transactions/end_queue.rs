//! The queue of ends: those that come while a metastore transaction is under way are made together by the next one. So
//! the ends that come through one agent do not conflict with each other, in whatever partitions they are.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::keyspace::Error;
use alluvium_metastore::kv::Error as KvError;
use alluvium_metastore::transactions::{EndRequest, TransactionFailure};
use alluvium_model::transaction::TransactionalProducer;
use alluvium_runtime::Tasks;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::parts::TransactionsParts;

/// Ends that wait at an agent: with transactional ids of any length, some megabytes. Further ones wait for room.
const QUEUED_MAX: usize = 1_000;
/// Ends in one metastore transaction: with transactional ids of any length, their states are far from its limits. What
/// belongs to the transactions is limited by the metastore.
const AT_ONCE_MAX: usize = 50;
/// How long an end may wait. Its client repeats it, perhaps elsewhere, and then goes on: by the rules of version 1 an
/// end that comes late would end the next transaction. Clients wait for 30 s or more.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Ends that are made and not answered yet, in batches: each waits for one read of the feed.
const ANSWERING_MAX: usize = 8;

/// The answer to a request to end a transaction.
type Answer = Result<TransactionalProducer, TransactionFailure>;

/// A request and who waits for its answer.
#[derive(Debug)]
pub(super) struct QueuedEnd {
    request: EndRequest,
    queued: Instant,
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

    /// Whether [`run`] takes from it. It ends when the agent stops, or by a panic.
    pub(super) fn is_running(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Ends a transaction, and waits for the answer. If this future is dropped, it is ended only if that has begun.
    ///
    /// # Errors
    /// As [`end`](alluvium_model::transaction::end), or if the agent stops or the metastore fails.
    pub(super) async fn end(&self, request: EndRequest) -> Answer {
        let (answer, answered) = oneshot::channel();
        let queued = QueuedEnd { request, queued: Instant::now(), answer };
        self.sender.send(queued).await.map_err(|_| unavailable("no transactions end at this agent any more"))?;
        // It was being made, perhaps, when the task ended.
        answered.await.map_err(|_| TransactionFailure::from(Error::Kv(KvError::UnknownResult)))?
    }
}

/// What a client retries: nothing was done.
fn unavailable(why: &str) -> TransactionFailure {
    Error::Kv(KvError::Unavailable(why.to_owned())).into()
}

/// Makes what is in the queue, until the tasks are cancelled. What has begun is finished.
pub(super) async fn run(parts: TransactionsParts, mut queue: mpsc::Receiver<QueuedEnd>, tasks: Tasks) {
    let cancel = tasks.cancelled();
    let answering = Arc::new(Semaphore::new(ANSWERING_MAX));
    let mut queued = Vec::new();
    let mut at_once = AT_ONCE_MAX;
    while cancel.run_until_cancelled(queue.recv_many(&mut queued, at_once)).await.is_some_and(|count| count > 0) {
        parts.metrics.transaction_ends_waiting.set(i64::try_from(queue.len()).unwrap_or(i64::MAX));
        let mut batch = awaited(&mut queued);
        while !batch.is_empty() {
            let (made, next_at_once) = parts.end_first(&mut batch, at_once).await;
            at_once = next_at_once;
            if made.is_empty() {
                continue;
            }
            let permit = Arc::clone(&answering).acquire_owned().await;
            let parts = parts.clone();
            tasks.spawn("transaction_answers", async move {
                parts.sync().await;
                answer(made);
                drop(permit);
            });
            batch = awaited(&mut batch);
        }
    }
}

/// Those of `queued` whose clients still wait. Those that have waited for too long are answered.
fn awaited(queued: &mut Vec<QueuedEnd>) -> Vec<QueuedEnd> {
    let now = Instant::now();
    let waiting = queued.drain(..).filter(|end| !end.answer.is_closed());
    let (late, awaited): (Vec<_>, Vec<_>) = waiting.partition(|end| now.duration_since(end.queued) > WAIT_MAX);
    answer(late.into_iter().map(|end| (end.answer, Err(unavailable("ends of transactions wait for too long")))));
    awaited
}

fn answer(answers: impl IntoIterator<Item = (oneshot::Sender<Answer>, Answer)>) {
    for (sender, answer) in answers {
        // Whoever asked may be gone.
        let _ = sender.send(answer);
    }
}

impl TransactionsParts {
    /// Makes the first of `batch`, at most `at_once`, and takes them out of it. Returns their answers if any was
    /// made, and how many to make the next time: fewer if these could not be made together.
    async fn end_first(
        &self,
        batch: &mut Vec<QueuedEnd>,
        at_once: usize,
    ) -> (Vec<(oneshot::Sender<Answer>, Answer)>, usize) {
        let count = at_once.min(batch.len());
        let requests: Vec<_> = batch[..count].iter().map(|end| end.request.clone()).collect();
        match self.transactions.end_first(&requests, || self.clock.now()).await {
            Ok(results) => {
                let made = batch.drain(..results.len()).map(|end| end.answer).zip(results).collect();
                (made, (at_once * 2).min(AT_ONCE_MAX))
            }
            // What is wrong with one of them does not keep the others from being made.
            Err(error) if count > 1 && !error.is_retryable() => (Vec::new(), 1),
            Err(error) => {
                answer(batch.drain(..count).map(|end| (end.answer, Err(error.clone().into()))));
                (Vec::new(), (at_once / 2).max(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::ProducerId;
    use alluvium_model::transaction::{End, TransactionVersion, TransactionalId, Verdict};

    use super::*;

    fn queued(number: i64) -> (QueuedEnd, oneshot::Receiver<Answer>) {
        let producer = TransactionalProducer::new(ProducerId(number));
        let end = End { producer, verdict: Verdict::Commit, version: TransactionVersion::V1 };
        let id = TransactionalId::new("copier").expect("a short id");
        let (answer, answered) = oneshot::channel();
        (QueuedEnd { request: EndRequest { id, end, fresh: producer.id }, queued: Instant::now(), answer }, answered)
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_whose_client_is_gone_or_that_has_waited_for_too_long_is_not_made() {
        let (late, late_answer) = queued(1);
        tokio::time::advance(WAIT_MAX + Duration::from_millis(1)).await;
        let (gone, gone_answer) = queued(2);
        drop(gone_answer);
        let (current, _current_answer) = queued(3);
        let awaited = awaited(&mut vec![late, gone, current]);
        let producers: Vec<_> = awaited.iter().map(|end| end.request.end.producer.id).collect();
        assert_eq!(producers, [ProducerId(3)]);
        late_answer.await.expect("it is answered").expect_err("it is not made");
    }
}
