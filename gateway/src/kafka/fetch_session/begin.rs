//! What a fetch means for the session of its connection. Pure.

use alluvium_wire::ErrorCode;
use alluvium_wire::messages::fetch::FetchRequest;

/// The epoch of a complete fetch that asks for a new session.
const FIRST_EPOCH: i32 = 0;
/// The epoch of a complete fetch that ends its session and asks for none.
const LAST_EPOCH: i32 = -1;
/// The first version with topic ids, which a session uses for all its fetches or for none.
const TOPIC_ID_VERSION: i16 = 13;

/// An open session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// Its id, not 0.
    pub id: i32,
    /// The epoch that its next fetch must carry.
    pub epoch: i32,
    /// Whether it names topics by id.
    pub by_id: bool,
}

/// How a fetch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Complete, and it wants a session; one that is open ends.
    Open {
        /// Whether the new session names topics by id.
        by_id: bool,
    },
    /// Complete, and it wants no session; one that is open ends.
    Without,
    /// A fetch within the open session.
    Continue,
    /// Rejected; an open session stays open.
    Reject(ErrorCode),
}

impl OpenSession {
    /// A new session.
    pub fn new(id: i32, by_id: bool) -> Self {
        Self { id, epoch: next_epoch(FIRST_EPOCH), by_id }
    }

    /// Goes on to the next epoch.
    pub fn advance(&mut self) {
        self.epoch = next_epoch(self.epoch);
    }
}

/// How `request` in `version` begins on a connection with this open session.
pub fn begin(open: Option<OpenSession>, version: i16, request: &FetchRequest) -> Begin {
    let by_id = version >= TOPIC_ID_VERSION;
    match (request.session_epoch, open) {
        (LAST_EPOCH, _) => Begin::Without,
        (FIRST_EPOCH, _) => Begin::Open { by_id },
        (epoch, Some(open)) if open.id == request.session_id => {
            if epoch != open.epoch {
                Begin::Reject(ErrorCode::INVALID_FETCH_SESSION_EPOCH)
            } else if open.by_id != by_id {
                Begin::Reject(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR)
            } else {
                Begin::Continue
            }
        }
        (_, Some(_) | None) => Begin::Reject(ErrorCode::FETCH_SESSION_ID_NOT_FOUND),
    }
}

/// Epochs wrap to 1, since 0 begins a session.
fn next_epoch(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(FIRST_EPOCH + 1)
}
