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

pub use build::IndexedHistory;
pub use commits::{StaleOffset, Staleness};
pub use floor::Floor;
pub use log::{AckedAt, IndexedPoll, IndexedReadback, Log, Sighting};
pub use sends::{IndexedSend, SendEnd};
pub use txns::{CommitStatus, IndexedTxn};
