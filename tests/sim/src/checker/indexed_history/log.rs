//! One partition: who sent what to it, who read what from it.

use std::time::Duration;

use alluvium_model::{Offset, Timestamp};

use super::Floor;
use crate::history::{Actor, Poll, Readback, ValueId};

/// A record, seen once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// Where.
    pub offset: Offset,
    /// What.
    pub value: ValueId,
    /// When: the end of the read.
    pub at: Duration,
    /// By which event.
    pub event: usize,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// By a read-committed reader.
    pub committed: bool,
    /// In the reading back at the end.
    pub last: bool,
}

/// A record as its acknowledgement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AckedAt {
    /// Where.
    pub offset: Offset,
    /// What.
    pub value: ValueId,
    /// Position of its send in `IndexedHistory::sends`.
    pub send: usize,
}

/// A poll with its place in the history.
#[derive(Clone, Copy, Debug)]
pub struct IndexedPoll<'h> {
    /// Which event.
    pub event: usize,
    /// When it was answered.
    pub at: Duration,
    /// By whom.
    pub actor: Actor,
    /// What.
    pub poll: &'h Poll,
}

/// A reading back with its place in the history.
#[derive(Clone, Copy, Debug)]
pub struct IndexedReadback<'h> {
    /// Which event.
    pub event: usize,
    /// When it ended.
    pub at: Duration,
    /// What.
    pub read: &'h Readback,
}

/// One partition.
#[derive(Clone, Debug, Default)]
pub struct Log<'h> {
    /// Sends to it, in order of their first attempts: positions in `IndexedHistory::sends`.
    pub sends: Vec<usize>,
    /// Polls of it, in order.
    pub polls: Vec<IndexedPoll<'h>>,
    /// Where consumers took their places: event, actor, offset.
    pub positions: Vec<(usize, Actor, Offset)>,
    /// Reading back, in order.
    pub readbacks: Vec<IndexedReadback<'h>>,
    /// All records seen, by offset, then value, then time.
    pub sightings: Vec<Sighting>,
    /// All records acknowledged with an offset, by offset.
    pub acked: Vec<AckedAt>,
    /// What may be gone.
    pub floor: Floor,
    /// Offsets at which a record that counts (not of a transaction that did not commit) is known to have been: ascending,
    /// each once; with whether anybody saw it there.
    pub existing: Vec<(Offset, bool)>,
}

impl Log<'_> {
    /// All sightings at `offset`.
    #[must_use]
    pub fn seen_at(&self, offset: Offset) -> &[Sighting] {
        let start = self.sightings.partition_point(|seen| seen.offset < offset);
        let rest = &self.sightings[start..];
        &rest[..rest.partition_point(|seen| seen.offset == offset)]
    }

    /// Offsets in `from..to` at which a record is known to have been.
    #[must_use]
    pub fn existing_in(&self, from: Offset, to: Offset) -> &[(Offset, bool)] {
        let start = self.existing.partition_point(|(offset, _)| *offset < from);
        let rest = &self.existing[start..];
        &rest[..rest.partition_point(|(offset, _)| *offset < to)]
    }
}
