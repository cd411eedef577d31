//! The state of one transactional id.

use std::time::Duration;

use super::ids::TransactionalProducer;
use crate::Timestamp;

/// The rules that a client follows (the feature `transaction.version`, KIP-890).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransactionVersion {
    /// Partitions and groups are added by requests of their own; an end keeps the epoch.
    V1,
    /// What a transaction writes to belongs to it; each end gives the producer a new epoch.
    V2,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its records and offsets count.
    Commit,
    /// They never do.
    Abort,
}

/// What a transactional id is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has a producer, which has not begun a transaction.
    Empty,
    /// It has an open transaction.
    Ongoing {
        /// When it began, ms.
        since: Timestamp,
    },
    /// Its last transaction has ended.
    Ended(Verdict),
}

/// The state of one transactional id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Who may write.
    pub producer: TransactionalProducer,
    /// Who could before: it gets the same answer if it repeats the request that made `producer` of it. `None` if
    /// `producer` is another client, which asked without knowing the one before.
    pub previous: Option<TransactionalProducer>,
    /// What it is doing.
    pub status: Status,
    /// Number of partitions and groups that belong to its open transaction.
    pub members: u32,
    /// How long a transaction may be open (`transaction.timeout.ms`): then it is aborted.
    pub timeout: Duration,
    /// When this state was reached, ms: ids that are idle for long expire (`transactional.id.expiration.ms`).
    pub updated: Timestamp,
}

impl Transaction {
    /// When its open transaction began, ms; `None` if it has none.
    #[must_use]
    pub fn open_since(&self) -> Option<Timestamp> {
        match self.status {
            Status::Ongoing { since } => Some(since),
            Status::Empty | Status::Ended(_) => None,
        }
    }

    /// When its open transaction times out, ms; `None` if it has none.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.open_since().map(|since| since.plus(self.timeout))
    }

    /// Whether nothing has happened for longer than `expiry`, so that it can be forgotten.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp, expiry: Duration) -> bool {
        self.deadline().is_none() && now > self.updated.plus(expiry)
    }
}
