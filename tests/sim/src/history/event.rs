//! One event of a history: when it happened, who did or saw it, and what it was.

use std::time::Duration;

use super::{
    Acked, Actor, Admin, CommitOffset, Fault, FetchOffset, FinalObjects, Heartbeat, Join, Leave, OpenTxn, Poll,
    Position, Progress, Readback, Retried, SendId, Sent, TxnBegun, TxnEnded, TxnEnding, TxnInit,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Time since the start of the run. An operation is recorded when it ends, and has a field for its beginning.
    pub at: Duration,
    /// Who did or saw it.
    pub actor: Actor,
    /// What happened.
    pub what: EventKind,
}

/// The kinds of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A batch is sent for the first time.
    Sent(Sent),
    /// A batch is sent again.
    Retried(Retried),
    /// A send was acknowledged.
    Acked(Acked),
    /// A send has failed at its only attempt: none of its records is in the log or ever will be.
    SendFailed(SendId),
    /// A send has ended with an unknown outcome: all of its records or none may be in the log.
    SendUnknown(SendId),
    /// A transactional id was given to a producer.
    TxnInit(TxnInit),
    /// A transaction begins.
    TxnBegun(TxnBegun),
    /// The end of a transaction was requested.
    TxnEnding(TxnEnding),
    /// The end of a transaction was answered.
    TxnEnded(TxnEnded),
    /// A consumer sets its position.
    Positioned(Position),
    /// A fetch of a consumer was answered.
    Polled(Poll),
    /// A member got its assignment.
    Joined(Join),
    /// A member holds its assignment no longer.
    Left(Leave),
    /// A heartbeat was answered.
    Heartbeat(Heartbeat),
    /// An offset was committed.
    CommittedOffset(CommitOffset),
    /// A committed offset was read.
    FetchedOffset(FetchOffset),
    /// An operation of an administrator has ended.
    Admin(Admin),
    /// The nemesis injected or ended a fault.
    Fault(Fault),
    /// While nothing fails: how far work behind the write path has come.
    Progress(Progress),
    /// While nothing fails: a transaction is open although its timeout has passed.
    OpenTxn(OpenTxn),
    /// Final check: what one agent returns of one partition.
    Readback(Readback),
    /// Final check: what lies in the object store and in the metastore.
    FinalObjects(FinalObjects),
    /// Something did not finish after the end of faults: what it was.
    Stuck(String),
}
