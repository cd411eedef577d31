//! Sends of batches and the transactions they belong to.

use alluvium_model::{AgentId, Offset, ProducerEpoch, ProducerId, TopicPartition};

use super::{ConnectionNumber, Outcome, SendId, TxnId, ValueId};

/// A batch goes out for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Which send.
    pub send: SendId,
    /// Where to.
    pub partition: TopicPartition,
    /// Number of its first record among those of this actor to this partition, from 0, growing by one per record.
    pub number: u64,
    /// Its records, in order; never empty.
    pub values: Vec<ValueId>,
    /// The id and epoch under which it is idempotent, where it is.
    pub producer: Option<(ProducerId, ProducerEpoch)>,
    /// The transaction that it is part of.
    pub txn: Option<TxnId>,
    /// What carries it. Sends on one connection reach the agent in the order of these events.
    pub connection: ConnectionNumber,
    /// Whom it goes to.
    pub agent: AgentId,
}

/// A batch whose status is open goes out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retried {
    /// Which send.
    pub send: SendId,
    /// What carries it now.
    pub connection: ConnectionNumber,
    /// Whom it goes to.
    pub agent: AgentId,
}

/// A send has ended well. (`EventKind::SendFailed` and `SendUnknown` are the other ends; a send without an end is unknown.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acked {
    /// Which send.
    pub send: SendId,
    /// Offset of its first record; `None` where the answer was "already there" without an offset, or acks were not asked for.
    pub base: Option<Offset>,
}

/// The end of a transaction was asked for: from here on it may be visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnEnding {
    /// Which transaction.
    pub txn: TxnId,
    /// To commit it; otherwise to abort it.
    pub commit: bool,
}

/// The end of a transaction was answered. `Refused` of a commit: it is aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnEnded {
    /// Which transaction.
    pub txn: TxnId,
    /// To commit it; otherwise to abort it.
    pub commit: bool,
    /// Whether that happened.
    pub outcome: Outcome,
}
