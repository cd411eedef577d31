//! The history of a run: what clients did and saw, in virtual time. Pure data, recorded by the simulation and checked
//! by `checker`.
//!
//! Owns: the kinds of event, how an event reads as one line, and the digest by which two runs are compared. Does not
//! own: recording (`recorder`, the clients), checking (`checker`). Invariants: everything is what a client could see
//! from outside, except for the listing of objects at the end; every operation says when it began, because operations
//! that overlap in time may take effect in either order.

mod admin;
mod event;
mod group;
mod line;
mod names;
mod progress;
mod read;
mod record;
mod send;

pub use admin::{Admin, Fault, FinalObjects, LiveExtent, Retention};
pub use event::{Event, EventKind};
pub use group::{CommitOffset, FetchOffset, Heartbeat, Join, Leave, LeaveReason};
pub use names::{Actor, AgentAddress, ConnectionNumber, MemberName, Outcome, SendId, TxnId, ValueId};
pub use progress::{Progress, Upkeep};
pub use read::{Isolation, Marker, Phase, Poll, Position, Readback, Seen, Source};
pub use record::History;
pub use send::{Acked, OpenTxn, Retried, Sent, TxnBegun, TxnEnded, TxnEnding, TxnInit};
