//! Aborts transactions whose timeout has passed (`transaction.timeout.ms`), whichever agent they ran through: the first
//! agent that notices does it. Counts those that are open.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::Duration;

use alluvium_metastore::transactions::TransactionFailure;
use tokio_util::sync::CancellationToken;

use super::{OpenTransactions, Transactions};

/// Pause between two looks. Kafka's (`transaction.abort.timed.out.transaction.cleanup.interval.ms`) is 10 s, but readers
/// of committed records wait for it, and a look is one small read.
const PAUSE: Duration = Duration::from_secs(1);

/// Pause between two counts of all open transactions, as long as between two scrapes.
const COUNT_PAUSE: Duration = Duration::from_secs(10);
/// Deadlines that a count of open transactions reads, about 60 B each; what is behind them is not counted. A transaction
/// that several agents have begun has several.
const COUNTED_MAX: usize = 10_000;

impl Transactions {
    /// The task that aborts what has timed out, until `cancel`.
    pub async fn run_timeouts(self, cancel: CancellationToken) {
        while let Some(()) = cancel.run_until_cancelled(tokio::time::sleep(PAUSE)).await {
            if let Some(Err(error)) = cancel.run_until_cancelled(self.abort_due()).await {
                tracing::warn!(%error, "transactions that have timed out cannot be aborted; retrying");
            }
        }
    }

    /// The task that counts what is open, until `cancel`.
    pub async fn run_counts(self, cancel: CancellationToken) {
        while let Some(()) = cancel.run_until_cancelled(tokio::time::sleep(COUNT_PAUSE)).await {
            if let Some(Err(error)) = cancel.run_until_cancelled(self.count_open()).await {
                tracing::debug!(%error, "open transactions cannot be counted");
            }
        }
    }

    /// Counts the open transactions.
    ///
    /// # Errors
    /// If the metastore fails.
    pub async fn count_open(&self) -> Result<(), TransactionFailure> {
        let open = self.parts.transactions.open(COUNTED_MAX).await?;
        let counted = OpenTransactions::count(&open, self.parts.clock.now());
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = counted;
        Ok(())
    }

    /// Aborts what has timed out.
    ///
    /// # Errors
    /// If the metastore fails; some may have been aborted.
    pub async fn abort_due(&self) -> Result<(), TransactionFailure> {
        let (mut after, mut seen) = (None, HashSet::new());
        loop {
            let due = self.parts.transactions.due(after, self.parts.clock.now()).await?;
            let Some(last) = due.last().copied() else { return Ok(()) };
            for producer in due.into_iter().map(|(_, producer)| producer).filter(|producer| seen.insert(*producer)) {
                let fresh = self.fresh().await?;
                // One that cannot be aborted does not keep the others from it.
                match self.parts.transactions.expire(producer, fresh, self.parts.clock.now()).await {
                    Ok(true) => tracing::info!(%producer, "a transaction has timed out and is aborted"),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(%producer, %error, "a transaction that has timed out cannot be aborted; retrying");
                    }
                }
            }
            after = Some(last);
        }
    }
}
