//! One event: when, who, what.

use std::time::Duration;

use super::{
    Acked, Actor, Admin, CommitOffset, Fault, FetchOffset, FinalObjects, Heartbeat, Join, Leave, Poll, Position,
    Readback, Retried, SendId, Sent, TxnEnded, TxnEnding,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, since the start of the run. Operations that are told at their end say themselves when they began.
    pub at: Duration,
    /// Who did or saw it.
    pub actor: Actor,
    /// What.
    pub what: EventKind,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A batch goes out.
    Sent(Sent),
    /// A batch goes out again.
    Retried(Retried),
    /// A send has ended well.
    Acked(Acked),
    /// A send has ended without effect, and with a single attempt: none of its records is there or ever will be.
    SendFailed(SendId),
    /// A send has ended, and nobody knows how: its records may be there, all or none.
    SendUnknown(SendId),
    /// A transaction is about to end.
    TxnEnding(TxnEnding),
    /// A transaction has ended.
    TxnEnded(TxnEnded),
    /// A consumer takes its place.
    Positioned(Position),
    /// A consumer got an answer.
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
    /// An administrator did something.
    Admin(Admin),
    /// Something was done to the system.
    Fault(Fault),
    /// At the end: what one agent has of one partition.
    Readback(Readback),
    /// At the end: what lies in the store.
    FinalObjects(FinalObjects),
    /// After the end of faults something did not come to an end: what, and what was waited for.
    Stuck(String),
}
