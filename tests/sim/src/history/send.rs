//! Sends of batches and the transactions they belong to.

use std::time::Duration;

use alluvium_model::{Offset, ProducerEpoch, ProducerId, TopicPartition};

use super::{AgentAddress, ConnectionNumber, Outcome, SendId, TxnId, ValueId};

/// A batch is sent for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The send.
    pub send: SendId,
    /// The partition.
    pub partition: TopicPartition,
    /// Number of its first record among those of this actor to this partition, from 0, growing by one per record.
    pub number: u64,
    /// Its records, in order; never empty.
    pub values: Vec<ValueId>,
    /// Producer id and epoch, if the producer is idempotent.
    pub producer: Option<(ProducerId, ProducerEpoch)>,
    /// The transaction that it is part of.
    pub txn: Option<TxnId>,
    /// The connection. Sends on one connection reach the agent in the order of these events.
    pub connection: ConnectionNumber,
    /// The agent it is sent to.
    pub agent: AgentAddress,
}

/// A batch with an unknown outcome is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retried {
    /// The send.
    pub send: SendId,
    /// The connection of this attempt.
    pub connection: ConnectionNumber,
    /// The agent it is sent to.
    pub agent: AgentAddress,
}

/// A send was acknowledged. (`EventKind::SendFailed` and `SendUnknown` are the other ends; a send without an end is
/// unknown.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acked {
    /// The send.
    pub send: SendId,
    /// Offset of its first record; `None` if the answer was DUPLICATE_SEQUENCE_NUMBER, or acks were not requested.
    pub base: Option<Offset>,
}

/// A transactional id was given to a producer: from here on all earlier epochs of the producer id are fenced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnInit {
    /// When it was requested.
    pub began: Duration,
    /// The transactional id.
    pub id: String,
    /// Producer id and epoch in the answer.
    pub producer: (ProducerId, ProducerEpoch),
}

/// A transaction begins, as far as its producer is concerned: nothing was sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnBegun {
    /// The transaction.
    pub txn: TxnId,
    /// The transactional id.
    pub id: String,
    /// Producer id and epoch that write it.
    pub producer: (ProducerId, ProducerEpoch),
}

/// A transaction that is open although its timeout has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTxn {
    /// The transactional id.
    pub id: String,
    /// Producer id and epoch of the transaction.
    pub producer: (ProducerId, ProducerEpoch),
    /// For how long its timeout has passed, without faults.
    pub overdue: Duration,
}

/// The end of a transaction was requested: from here on it may be visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnEnding {
    /// The transaction.
    pub txn: TxnId,
    /// Whether to commit it; otherwise to abort it.
    pub commit: bool,
}

/// The end of a transaction was answered. `Refused` of a commit: it is aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnEnded {
    /// The transaction.
    pub txn: TxnId,
    /// Whether to commit it; otherwise to abort it.
    pub commit: bool,
    /// The outcome.
    pub outcome: Outcome,
}
