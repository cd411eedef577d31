//! The requests of transactional producers.

use std::sync::{Arc, Mutex, PoisonError};

use alluvium_metastore::transactions::{EndRequest, StoredTransaction, TransactionFailure, TransactionsPage};
use alluvium_model::group::GroupId;
use alluvium_model::transaction::{End, Init, TransactionalId, TransactionalProducer};
use alluvium_model::{ProducerId, TopicPartition};
use alluvium_runtime::Tasks;
use tokio::time::Instant;

use super::OpenTransactions;
use super::end_queue::{self, EndQueue};
use super::parts::TransactionsParts;

/// The transactions that clients run through this agent. Clones share it.
#[derive(Clone)]
pub struct Transactions {
    pub(super) parts: TransactionsParts,
    ends: EndQueue,
    pub(super) open: Arc<Mutex<OpenTransactions>>,
}

impl Transactions {
    /// Transactions over `parts`. Starts their tasks: one ends transactions, one aborts those that time out, one counts
    /// those that are open.
    #[must_use]
    pub fn start(parts: TransactionsParts, tasks: &Tasks) -> Self {
        let (ends, queue) = EndQueue::new();
        tasks.spawn("transaction_ends", end_queue::run(parts.clone(), queue, tasks.clone()));
        let transactions = Self { parts, ends, open: Arc::default() };
        tasks.spawn("transaction_timeouts", transactions.clone().run_timeouts(tasks.cancelled()));
        tasks.spawn("transaction_counts", transactions.clone().run_counts(tasks.cancelled()));
        transactions
    }

    /// Whether transactions can end at this agent: the task that ends them runs until the agent stops, or until
    /// it panics.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.ends.is_running()
    }

    /// Gives `id` to a producer, and aborts its open transaction if there is one.
    ///
    /// # Errors
    /// If the producer is fenced, or the metastore fails.
    pub async fn init(&self, id: &TransactionalId, request: Init) -> Result<TransactionalProducer, TransactionFailure> {
        let fresh = self.fresh().await?;
        let producer = self.parts.transactions.init(id, request, fresh, self.parts.clock.now()).await?;
        self.parts.sync().await;
        Ok(producer)
    }

    /// Adds partitions and groups to the transaction of `producer`.
    ///
    /// # Errors
    /// If the producer is fenced, the transaction would be too large, or the metastore fails.
    pub async fn add(
        &self,
        id: &TransactionalId,
        producer: TransactionalProducer,
        partitions: &[TopicPartition],
        groups: &[GroupId],
    ) -> Result<(), TransactionFailure> {
        self.parts.transactions.add(id, producer, partitions, groups, self.parts.clock.now()).await
    }

    /// Ends a transaction. Returns who may write from now on.
    ///
    /// # Errors
    /// If the producer is fenced, there is nothing to commit, or the metastore fails.
    pub async fn end(&self, id: &TransactionalId, request: End) -> Result<TransactionalProducer, TransactionFailure> {
        let began = Instant::now();
        let fresh = if request.producer.is_exhausted() { self.fresh().await? } else { request.producer.id };
        let answer = self.ends.end(EndRequest { id: id.clone(), end: request, fresh }).await;
        self.parts.metrics.transaction_end_seconds.observe(began.elapsed().as_secs_f64());
        answer
    }

    /// Aborts the open transaction of `producer`, for an administrator. Whether there was one.
    ///
    /// # Errors
    /// If the metastore fails.
    pub async fn abort(&self, producer: TransactionalProducer) -> Result<bool, TransactionFailure> {
        let fresh = self.fresh().await?;
        let aborted = self.parts.transactions.abort(producer, fresh, self.parts.clock.now()).await?;
        self.parts.sync().await;
        Ok(aborted)
    }

    /// The state of `id` and the partitions of its open transaction.
    ///
    /// # Errors
    /// If the metastore fails.
    pub async fn describe(
        &self,
        id: &TransactionalId,
    ) -> Result<Option<(StoredTransaction, Vec<TopicPartition>)>, TransactionFailure> {
        let Some(stored) = self.parts.transactions.find(id).await? else { return Ok(None) };
        let partitions = self.parts.transactions.partitions(stored.state.producer.id).await?;
        Ok(Some((stored, partitions)))
    }

    /// The open transactions of the cluster as they were last counted.
    #[must_use]
    pub fn open(&self) -> OpenTransactions {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page of all transactional ids.
    ///
    /// # Errors
    /// If the metastore fails.
    pub async fn list(&self, after: Option<ProducerId>) -> Result<TransactionsPage, TransactionFailure> {
        Ok(self.parts.transactions.list(after, usize::MAX).await?)
    }

    pub(super) async fn fresh(&self) -> Result<ProducerId, TransactionFailure> {
        Ok(self.parts.producer_ids.next().await?)
    }
}
