//! The index of one partition: what was sent to it, and what was read from it.

use std::time::Duration;

use alluvium_model::{Offset, Timestamp};

use super::Floor;
use crate::history::{Actor, Poll, Readback, ValueId};

/// One read of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// Its offset.
    pub offset: Offset,
    /// Its value.
    pub value: ValueId,
    /// The end of the read.
    pub at: Duration,
    /// The event of the read.
    pub event: usize,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// Whether the reader was read-committed.
    pub committed: bool,
    /// Whether the read is a readback of the final check.
    pub last: bool,
}

/// An acknowledged record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AckedAt {
    /// Its offset by the acknowledgement.
    pub offset: Offset,
    /// Its value.
    pub value: ValueId,
    /// Position of its send in `IndexedHistory::sends`.
    pub send: usize,
}

/// A poll with its position in the history.
#[derive(Clone, Copy, Debug)]
pub struct IndexedPoll<'h> {
    /// Its event.
    pub event: usize,
    /// When it was answered.
    pub at: Duration,
    /// The consumer.
    pub actor: Actor,
    /// The poll.
    pub poll: &'h Poll,
}

/// A readback with its position in the history.
#[derive(Clone, Copy, Debug)]
pub struct IndexedReadback<'h> {
    /// Its event.
    pub event: usize,
    /// When it ended.
    pub at: Duration,
    /// The readback.
    pub read: &'h Readback,
}

/// The index of one partition.
#[derive(Clone, Debug, Default)]
pub struct Log<'h> {
    /// Sends to it, in order of their first attempts: positions in `IndexedHistory::sends`.
    pub sends: Vec<usize>,
    /// Polls of it, in order.
    pub polls: Vec<IndexedPoll<'h>>,
    /// Positions that consumers set: event, actor, offset.
    pub positions: Vec<(usize, Actor, Offset)>,
    /// Readbacks, in order.
    pub readbacks: Vec<IndexedReadback<'h>>,
    /// All records seen, by offset, then value, then time.
    pub sightings: Vec<Sighting>,
    /// All records acknowledged with an offset, by offset.
    pub acked: Vec<AckedAt>,
    /// What may have been deleted.
    pub floor: Floor,
    /// Offsets known to have held a record (other than one of a transaction that did not commit), ascending, each once;
    /// with whether a reader saw the record there.
    pub existing: Vec<(Offset, bool)>,
}

impl Log<'_> {
    /// The first sighting of each record at each offset: most records are seen by many readers.
    pub fn first_sightings(&self) -> impl Iterator<Item = &Sighting> {
        self.sightings.chunk_by(|a, b| (a.offset, a.value) == (b.offset, b.value)).filter_map(|same| same.first())
    }

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
