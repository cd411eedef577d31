//! Joins and syncs that wait for an answer: each is answered once, at the latest when the group leaves memory.

use std::collections::BTreeMap;

use alluvium_model::group::{GroupError, GroupReply, JoinError, WaiterId};

use super::request::{AnswerSender, JoinAnswer, SyncAnswer};

/// The replies that are not sent yet, by waiter.
#[derive(Default)]
pub(super) struct PendingReplies(BTreeMap<WaiterId, PendingReply>);

/// The channel of a reply that is not sent yet.
pub(super) enum PendingReply {
    /// A join, answered when the rebalance is complete.
    Join(AnswerSender<JoinAnswer>),
    /// A sync, answered when the leader has sent the assignments.
    Sync(AnswerSender<SyncAnswer>),
}

impl PendingReplies {
    /// Adds the reply of `waiter`.
    pub fn insert(&mut self, waiter: WaiterId, pending: PendingReply) {
        self.0.insert(waiter, pending);
    }

    /// Removes the reply of `waiter`, whose client has disconnected.
    pub fn remove(&mut self, waiter: WaiterId) {
        self.0.remove(&waiter);
    }

    /// Sends `reply` to its waiter, if that still waits.
    pub fn answer(&mut self, reply: GroupReply) {
        match (self.0.remove(&reply.waiter()), reply) {
            (Some(PendingReply::Join(pending)), GroupReply::Join { answer, .. }) => drop(pending.send(answer)),
            (Some(PendingReply::Sync(pending)), GroupReply::Sync { answer, .. }) => drop(pending.send(answer)),
            (None, _) => {}
            (Some(PendingReply::Join(_)), GroupReply::Sync { .. })
            | (Some(PendingReply::Sync(_)), GroupReply::Join { .. }) => {
                unreachable!("a waiter id is given to one request only")
            }
        }
    }

    /// Answers every waiter with the error `why`.
    pub fn fail_all(&mut self, why: &GroupError) {
        for pending in std::mem::take(&mut self.0).into_values() {
            match pending {
                PendingReply::Join(answer) => drop(answer.send(Err(JoinError { member: None, why: why.clone() }))),
                PendingReply::Sync(answer) => drop(answer.send(Err(why.clone()))),
            }
        }
    }
}
