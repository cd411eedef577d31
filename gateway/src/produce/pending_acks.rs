//! Appends of which some results are not known yet.
//!
//! Pure, except for the channel that carries an append's results. Each batch gets one result, once.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::open_segment::{AppendId, AppendReply};
use super::{AppendResult, Permit};

/// The appends that wait for results.
#[derive(Debug, Default)]
pub struct PendingAcks {
    waiting: HashMap<AppendId, PendingAppend>,
    opened_ever: u64,
}

#[derive(Debug)]
struct PendingAppend {
    outcomes: Vec<Option<AppendResult>>,
    missing: usize,
    answer: oneshot::Sender<Vec<AppendResult>>,
    _permit: Permit,
}

impl PendingAcks {
    /// Adds an append of `batches` batches; `permit` is released when it is answered.
    pub fn open(&mut self, batches: usize, answer: oneshot::Sender<Vec<AppendResult>>, permit: Permit) -> AppendId {
        let id = AppendId(self.opened_ever);
        self.opened_ever += 1;
        let outcomes = std::iter::repeat_with(|| None).take(batches).collect();
        self.waiting.insert(id, PendingAppend { outcomes, missing: batches, answer, _permit: permit });
        self.close_if_complete(id);
        id
    }

    /// Sets the result of a batch; the last one of an append answers it.
    pub fn settle(&mut self, reply: AppendReply, outcome: AppendResult) {
        let Some(waiting) = self.waiting.get_mut(&reply.append) else { return };
        if let Some(slot @ None) = waiting.outcomes.get_mut(reply.index) {
            *slot = Some(outcome);
            waiting.missing -= 1;
        }
        self.close_if_complete(reply.append);
    }

    /// Whether no append waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn close_if_complete(&mut self, id: AppendId) {
        if self.waiting.get(&id).is_some_and(|waiting| waiting.missing == 0)
            && let Some(waiting) = self.waiting.remove(&id)
        {
            // The receiver was dropped if the client wanted no response (acks=0) or has disconnected.
            let _ = waiting.answer.send(waiting.outcomes.into_iter().flatten().collect());
        }
    }
}
