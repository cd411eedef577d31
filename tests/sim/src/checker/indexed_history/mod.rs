//! The history with indexes: built once, read by every predicate.
//!
//! Owns: what follows from the events (which send a value belongs to, where it was seen, whether a transaction
//! committed, how far a partition may have been trimmed). Does not own: deciding whether something is a violation.
//! Invariant: everything is sorted, so that a predicate needs one pass and binary searches.

mod build;
mod commits;
mod consumption;
mod floor;
mod groups;
mod log;
mod sends;
mod txns;

pub use build::IndexedHistory;
pub use commits::{StaleOffset, Staleness};
pub use consumption::Consumption;
pub use floor::Floor;
pub use log::{AckedAt, IndexedPoll, IndexedReadback, Log, Sighting};
pub use sends::{IndexedSend, SendEnd};
pub use txns::{CommitStatus, IndexedTxn};
