//! The history: events in the order in which they were recorded.

use super::Event;

/// All events of a run; times never decrease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The events.
    pub events: Vec<Event>,
}

impl History {
    /// Adds an event.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// A hash of all events (FNV-1a over their `Debug` text): equal for two runs only if they were the same.
    #[must_use]
    pub fn digest(&self) -> u64 {
        const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        self.events.iter().fold(BASIS, |digest, event| {
            format!("{event:?}").bytes().fold(digest, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(PRIME))
        })
    }
}
