//! The history, put in order for judging: built once, read by every predicate.
//!
//! Owns: what follows from events without judging them (which send a value belongs to, where it was seen, what became of a
//! transaction, how far a partition may have been trimmed). Does not own: verdicts. Invariant: everything is sorted, and no
//! predicate needs more than one pass and binary searches.

mod build;
mod commits;
mod floor;
mod groups;
mod log;
mod sends;
mod txns;

pub use build::View;
pub use commits::{StaleOffset, Staleness};
pub use floor::Floor;
pub use log::{AckedAt, Log, PollView, ReadbackView, Sighting};
pub use sends::{SendEnd, SendView};
pub use txns::{Fate, TxnView};
