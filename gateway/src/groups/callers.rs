//! Those who wait for a group's answers: each is answered once, at the latest when the group leaves memory.

use std::collections::BTreeMap;

use alluvium_model::group::{JoinRefused, Refusal, Reply, Ticket};

use super::request::{Answer, JoinAnswer, SyncAnswer};

/// Those who wait, by their tickets.
#[derive(Default)]
pub(super) struct Callers(BTreeMap<Ticket, Caller>);

/// Where an answer goes.
pub(super) enum Caller {
    Join(Answer<JoinAnswer>),
    Sync(Answer<SyncAnswer>),
}

impl Callers {
    /// Someone waits.
    pub fn admit(&mut self, ticket: Ticket, caller: Caller) {
        self.0.insert(ticket, caller);
    }

    /// Someone does not wait any more.
    pub fn forget(&mut self, ticket: Ticket) {
        self.0.remove(&ticket);
    }

    /// Answers the one who waits for it.
    pub fn answer(&mut self, reply: Reply) {
        match (self.0.remove(&reply.ticket()), reply) {
            (Some(Caller::Join(caller)), Reply::Join { answer, .. }) => drop(caller.send(answer)),
            (Some(Caller::Sync(caller)), Reply::Sync { answer, .. }) => drop(caller.send(answer)),
            (None, _) => {}
            (Some(Caller::Join(_)), Reply::Sync { .. }) | (Some(Caller::Sync(_)), Reply::Join { .. }) => {
                unreachable!("a ticket is given to one request only")
            }
        }
    }

    /// Tells all who wait `why` they are not served.
    pub fn dismiss(&mut self, why: &Refusal) {
        for caller in std::mem::take(&mut self.0).into_values() {
            match caller {
                Caller::Join(answer) => drop(answer.send(Err(JoinRefused { member: None, why: why.clone() }))),
                Caller::Sync(answer) => drop(answer.send(Err(why.clone()))),
            }
        }
    }
}
