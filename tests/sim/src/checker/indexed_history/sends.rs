//! The index of one logical send.

use std::time::Duration;

use alluvium_model::Offset;

use crate::history::{Actor, Sent};

/// How a send ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendEnd {
    /// Acknowledged; with the offset of its first record if the answer had it.
    Acked(Option<Offset>),
    /// Rejected at its only attempt: none of its records may ever be seen.
    Failed,
    /// It may have been appended or not.
    Unknown,
}

/// One logical send, through all its attempts.
#[derive(Clone, Debug)]
pub struct IndexedSend<'h> {
    /// What was sent.
    pub sent: &'h Sent,
    /// The producer.
    pub actor: Actor,
    /// The event of its first attempt.
    pub event: usize,
    /// The time of its first attempt.
    pub at: Duration,
    /// Number of attempts.
    pub attempts: usize,
    /// How it ended.
    pub end: SendEnd,
    /// Time and event of its end, if it has ended.
    pub ended: Option<(Duration, usize)>,
    /// Offset of its first record: as acknowledged, else as seen if it was seen at one offset only.
    pub base: Option<Offset>,
    /// Time and event by which it was known to be in the log: acknowledged or seen.
    pub known: Option<(Duration, usize)>,
}

impl IndexedSend<'_> {
    /// Offset of its first record as acknowledged.
    #[must_use]
    pub fn acked_base(&self) -> Option<Offset> {
        match self.end {
            SendEnd::Acked(base) => base,
            SendEnd::Failed | SendEnd::Unknown => None,
        }
    }

    /// Its events: the first attempt, and the end.
    #[must_use]
    pub fn events(&self) -> Vec<usize> {
        std::iter::once(self.event).chain(self.ended.map(|(_, event)| event)).collect()
    }
}
