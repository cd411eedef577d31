//! What clients did and saw, in virtual time: pure data, recorded by the simulation and judged by the checker.
//!
//! Owns: the words in which a run is told, how an event reads as one line, and the digest by which two runs are compared.
//! Does not own: recording (the simulation's clients), judging (`checker`). Invariant: everything is what a client could see
//! from outside, but for the listing of objects at the end; and every operation says when it began, since what overlaps in
//! time may take effect in either order.

mod admin;
mod event;
mod group;
mod line;
mod names;
mod read;
mod record;
mod send;

pub use admin::{Admin, Fault, FinalObjects, LiveExtent, Retention};
pub use event::{Event, EventKind};
pub use group::{CommitOffset, FetchOffset, Heartbeat, Join, Leave, LeaveReason};
pub use names::{Actor, ConnectionNumber, MemberName, Outcome, SendId, TxnId, ValueId};
pub use read::{Isolation, Marker, Phase, Poll, Position, Readback, Seen, Source};
pub use record::History;
pub use send::{Acked, Retried, Sent, TxnEnded, TxnEnding};
