//! What transactions need.

use std::sync::Arc;

use alluvium_metastore::transactions;
use alluvium_runtime::Clock;

use crate::metadata_cache::MetadataCache;
use crate::metrics::Metrics;
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
    /// What is counted.
    pub metrics: Metrics,
}

impl TransactionsParts {
    /// Applies what was just committed, so that whoever reads through this agent after the answer sees it.
    pub(super) async fn sync(&self) {
        if let Err(error) = self.metadata_cache.sync().await {
            tracing::debug!(%error, "the feed cannot be read after a transaction has ended; readers see it later");
        }
    }
}
