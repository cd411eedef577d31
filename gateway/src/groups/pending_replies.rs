//! Those who wait for a group's answers: each is answered once, at the latest when the group leaves memory.

use std::collections::BTreeMap;

use alluvium_model::group::{GroupError, GroupReply, JoinError, WaiterId};

use super::request::{Answer, JoinAnswer, SyncAnswer};

/// Those who wait, by their waiters.
#[derive(Default)]
pub(super) struct PendingReplies(BTreeMap<WaiterId, PendingReply>);

/// Where an answer goes.
pub(super) enum PendingReply {
    Join(Answer<JoinAnswer>),
    Sync(Answer<SyncAnswer>),
}

impl PendingReplies {
    /// Someone waits.
    pub fn admit(&mut self, waiter: WaiterId, pending: PendingReply) {
        self.0.insert(waiter, pending);
    }

    /// Someone does not wait any more.
    pub fn forget(&mut self, waiter: WaiterId) {
        self.0.remove(&waiter);
    }

    /// Answers the one who waits for it.
    pub fn answer(&mut self, reply: GroupReply) {
        match (self.0.remove(&reply.waiter()), reply) {
            (Some(PendingReply::Join(pending)), GroupReply::Join { answer, .. }) => drop(pending.send(answer)),
            (Some(PendingReply::Sync(pending)), GroupReply::Sync { answer, .. }) => drop(pending.send(answer)),
            (None, _) => {}
            (Some(PendingReply::Join(_)), GroupReply::Sync { .. })
            | (Some(PendingReply::Sync(_)), GroupReply::Join { .. }) => {
                unreachable!("a waiter is given to one request only")
            }
        }
    }

    /// Tells all who wait `why` they are not served.
    pub fn dismiss(&mut self, why: &GroupError) {
        for pending in std::mem::take(&mut self.0).into_values() {
            match pending {
                PendingReply::Join(answer) => drop(answer.send(Err(JoinError { member: None, why: why.clone() }))),
                PendingReply::Sync(answer) => drop(answer.send(Err(why.clone()))),
            }
        }
    }
}
