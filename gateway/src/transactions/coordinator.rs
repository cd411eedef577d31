//! The requests of transactional producers.

use std::sync::Arc;

use alluvium_metastore::transactions::{self, StoredTransaction, TransactionFailure, TransactionsPage};
use alluvium_model::group::GroupId;
use alluvium_model::transaction::{End, Init, TransactionalId, TransactionalProducer};
use alluvium_model::{ProducerId, TopicPartition};
use alluvium_runtime::Clock;

use crate::metadata_cache::MetadataCache;
use crate::produce::ProducerIds;

/// What transactions need.
#[derive(Clone)]
pub struct TransactionsParts {
    /// Their rows.
    pub transactions: transactions::Transactions,
    /// New producer ids.
    pub producer_ids: Arc<ProducerIds>,
    /// Brought up to date when a transaction has ended.
    pub metadata_cache: MetadataCache,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
}

/// The transactions that clients run through this agent. Clones share it.
#[derive(Clone)]
pub struct Transactions {
    pub(super) parts: TransactionsParts,
}

impl Transactions {
    /// Transactions over `parts`.
    #[must_use]
    pub fn new(parts: TransactionsParts) -> Self {
        Self { parts }
    }

    /// Gives `id` to a producer, and aborts its open transaction if there is one.
    ///
    /// # Errors
    /// If the producer is fenced, or the metastore fails.
    pub async fn init(&self, id: &TransactionalId, request: Init) -> Result<TransactionalProducer, TransactionFailure> {
        let fresh = self.fresh().await?;
        let producer = self.parts.transactions.init(id, request, fresh, self.parts.clock.now()).await?;
        self.sync().await;
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
        let fresh = if request.producer.is_exhausted() { self.fresh().await? } else { request.producer.id };
        let producer = self.parts.transactions.end(id, request, fresh, self.parts.clock.now()).await?;
        self.sync().await;
        Ok(producer)
    }

    /// Aborts the open transaction of `producer`, for an administrator. Whether there was one.
    ///
    /// # Errors
    /// If the metastore fails.
    pub async fn abort(&self, producer: TransactionalProducer) -> Result<bool, TransactionFailure> {
        let fresh = self.fresh().await?;
        let aborted = self.parts.transactions.abort(producer, fresh, self.parts.clock.now()).await?;
        self.sync().await;
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

    /// Applies what was just committed, so that whoever reads through this agent after the answer sees it.
    async fn sync(&self) {
        if let Err(error) = self.parts.metadata_cache.sync().await {
            tracing::debug!(%error, "the feed cannot be read after a transaction has ended; readers see it later");
        }
    }
}
