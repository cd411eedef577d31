//! Who waits for what: appends whose outcomes are not all known yet.
//!
//! Pure but for the channel in which an append's outcomes are handed over. One outcome per batch, given once.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::open_segment::{AppendId, AppendReply};
use super::{Ack, Permit, ProduceError};

/// What became of one batch.
pub type Outcome = Result<Ack, ProduceError>;

/// The appends on their way.
#[derive(Debug, Default)]
pub struct PendingAcks {
    waiting: HashMap<AppendId, Waiting>,
    opened_ever: u64,
}

#[derive(Debug)]
struct Waiting {
    outcomes: Vec<Option<Outcome>>,
    missing: usize,
    answer: oneshot::Sender<Vec<Outcome>>,
    _permit: Permit,
}

impl PendingAcks {
    /// Notes an append of `batches` batches; `permit` is given back when it is answered.
    pub fn open(&mut self, batches: usize, answer: oneshot::Sender<Vec<Outcome>>, permit: Permit) -> AppendId {
        let id = AppendId(self.opened_ever);
        self.opened_ever += 1;
        let outcomes = std::iter::repeat_with(|| None).take(batches).collect();
        self.waiting.insert(id, Waiting { outcomes, missing: batches, answer, _permit: permit });
        self.close_if_complete(id);
        id
    }

    /// Notes what became of a batch; the last one of an append answers it.
    pub fn settle(&mut self, reply: AppendReply, outcome: Outcome) {
        let Some(waiting) = self.waiting.get_mut(&reply.append) else { return };
        if let Some(slot @ None) = waiting.outcomes.get_mut(reply.index) {
            *slot = Some(outcome);
            waiting.missing -= 1;
        }
        self.close_if_complete(reply.append);
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn close_if_complete(&mut self, id: AppendId) {
        if self.waiting.get(&id).is_some_and(|waiting| waiting.missing == 0)
            && let Some(waiting) = self.waiting.remove(&id)
        {
            // Nobody listens where the client did not want an answer (acks=0) or has gone.
            let _ = waiting.answer.send(waiting.outcomes.into_iter().flatten().collect());
        }
    }
}
