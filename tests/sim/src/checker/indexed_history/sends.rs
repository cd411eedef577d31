//! One logical send, with its end.

use std::time::Duration;

use alluvium_model::Offset;

use crate::history::{Actor, Sent};

/// How a send ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendEnd {
    /// Acknowledged; with the offset of its first record where the answer had it.
    Acked(Option<Offset>),
    /// Refused, at the only attempt: none of it may ever be seen.
    Failed,
    /// Anything may have become of it.
    Unknown,
}

/// One logical send.
#[derive(Clone, Debug)]
pub struct IndexedSend<'h> {
    /// What was sent.
    pub sent: &'h Sent,
    /// By whom.
    pub actor: Actor,
    /// The event of its first attempt, and when that was.
    pub event: usize,
    /// When it first went out.
    pub at: Duration,
    /// How often it went out.
    pub attempts: usize,
    /// How it ended.
    pub end: SendEnd,
    /// When and by which event it ended, where it did.
    pub ended: Option<(Duration, usize)>,
    /// Offset of its first record: as acknowledged, else as seen where it was seen at one place only.
    pub base: Option<Offset>,
    /// When it was first known to be in the log: acknowledged or seen.
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

    /// The events that tell of it.
    #[must_use]
    pub fn events(&self) -> Vec<usize> {
        std::iter::once(self.event).chain(self.ended.map(|(_, event)| event)).collect()
    }
}
