//! One group in memory: events go in, answers go out, and what must outlive the process is saved in between.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_metastore::ambient::{Clock, Entropy};
use alluvium_metastore::groups::{Fence, Groups as Store, SaveError};
use alluvium_model::group::{
    Committer, Effects, Generation, Group, GroupId, Join, JoinRefused, Leaver, Refusal, Reply, Rules, Snapshot,
    Subscriptions, Sync, Ticket,
};

use super::clock::Monotonic;
use super::counts::Counts;
use super::registry::Sign;
use super::request::{Answer, Heartbeat, JoinAnswer, Request, SyncAnswer};

/// What a task needs beside its group. Clones share it.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub store: Store,
    pub rules: Arc<Rules>,
    pub monotonic: Monotonic,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub counts: Arc<Counts>,
}

/// One group in memory.
pub(super) struct Owner {
    pub id: GroupId,
    pub around: Surroundings,
    group: Group,
    /// The generation up to which rebalances were counted.
    generation: Generation,
    /// The save that memory follows from; `None` where there is none.
    fence: Option<Fence>,
    waiters: BTreeMap<Ticket, Waiter>,
    sign: Arc<Mutex<Option<Sign>>>,
}

enum Waiter {
    Join(Answer<JoinAnswer>),
    Sync(Answer<SyncAnswer>),
}

/// The group is no longer ours, or cannot be served: it must leave memory. Everyone was told.
#[derive(Debug)]
pub(super) struct Lost;

type Kept = Result<(), Lost>;

impl Owner {
    /// Loads `id` as it was last saved.
    pub async fn load(
        id: GroupId,
        around: Surroundings,
        sign: Arc<Mutex<Option<Sign>>>,
    ) -> Result<Self, alluvium_metastore::Error> {
        let saved = around.store.load(&id).await?;
        let (group, fence) = match saved {
            Some(saved) => (Group::restore(saved.snapshot, around.monotonic.now()), Some(saved.fence)),
            None => (Group::new(), None),
        };
        let generation = group.generation();
        let owner = Self { id, around, group, generation, fence, waiters: BTreeMap::new(), sign };
        owner.show();
        Ok(owner)
    }

    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Whether the group is more than a name that somebody asked for.
    pub fn exists(&self) -> bool {
        self.fence.is_some() || !self.group.is_vacant()
    }

    /// Does what is asked.
    pub async fn handle(&mut self, request: Request) -> Kept {
        let now = self.around.monotonic.now();
        match request {
            Request::Join(join, answer) => self.join(join, answer).await,
            Request::Sync(ticket, sync, answer) => self.sync(ticket, sync, answer).await,
            Request::Heartbeat(Heartbeat { member, instance, generation }, answer) => {
                let verdict = self.group.heartbeat(&member, instance.as_ref(), generation, now);
                let _ = answer.send(verdict);
                Ok(())
            }
            Request::Leave(leavers, answer) => self.leave(&leavers, answer).await,
            Request::AdmitCommit(committer, answer) => self.admit_commit(&committer, answer).await,
            Request::AdmitOffsetDelete(answer) => {
                let _ = answer.send(self.admit_offset_delete());
                Ok(())
            }
            Request::Describe(answer) => {
                let _ = answer.send(Ok(self.exists().then(|| self.group.describe())));
                Ok(())
            }
            Request::Delete(answer) => self.delete(answer).await,
            Request::Doubt(fence, answer) => {
                let kept = self.doubt(fence);
                let _ = answer.send(kept.is_ok());
                kept
            }
            Request::Wake(answer) => {
                let _ = answer.send(());
                Ok(())
            }
        }
    }

    async fn join(&mut self, join: Join, answer: Answer<JoinAnswer>) -> Kept {
        if answer.is_closed() {
            return Ok(());
        }
        self.waiters.insert(join.ticket, Waiter::Join(answer));
        let effects = self.group.join(join, &self.around.rules, self.around.monotonic.now());
        self.settle(effects).await
    }

    async fn sync(&mut self, ticket: Ticket, sync: Sync, answer: Answer<SyncAnswer>) -> Kept {
        if answer.is_closed() {
            return Ok(());
        }
        self.waiters.insert(ticket, Waiter::Sync(answer));
        let effects = self.group.sync(ticket, sync, &self.around.rules, self.around.monotonic.now());
        self.settle(effects).await
    }

    async fn leave(&mut self, leavers: &[Leaver], answer: Answer<Result<Vec<Result<(), Refusal>>, Refusal>>) -> Kept {
        match self.group.leave(leavers, &self.around.rules, self.around.monotonic.now()) {
            Ok((verdicts, effects)) => {
                let kept = self.settle(effects).await;
                let _ = answer.send(if kept.is_ok() { Ok(verdicts) } else { Err(Refusal::NotAvailable) });
                kept
            }
            Err(why) => {
                let _ = answer.send(Err(why));
                Ok(())
            }
        }
    }

    /// A commit needs a stored group, whose save it is admitted under: simple consumers make one by committing.
    async fn admit_commit(&mut self, committer: &Committer, answer: Answer<Result<Fence, Refusal>>) -> Kept {
        if !self.exists() && committer.generation.is_some() {
            let _ = answer.send(Err(Refusal::GroupNotFound));
            return Ok(());
        }
        let mut kept = Ok(());
        let verdict = match self.group.admit_commit(committer, self.around.monotonic.now()) {
            Err(why) => Err(why),
            Ok(()) => {
                if self.fence.is_none() {
                    let save = self.group.snapshot();
                    kept = self.settle(Effects { save, ..Effects::default() }).await;
                }
                // Without a save the group is in its very first rebalance: nobody has anything to commit.
                self.fence.ok_or(if kept.is_ok() { Refusal::IllegalGeneration } else { Refusal::NotAvailable })
            }
        };
        let _ = answer.send(verdict);
        kept
    }

    fn admit_offset_delete(&self) -> Result<(Subscriptions, Option<Fence>), Refusal> {
        if !self.exists() {
            return Err(Refusal::GroupNotFound);
        }
        Ok((self.group.admit_offset_delete()?, self.fence))
    }

    /// Where the store refused a fence that is still ours, somebody has saved, expired or deleted the group behind our back:
    /// it leaves memory, and is loaded again by whoever asks next.
    fn doubt(&mut self, refused: Fence) -> Kept {
        if self.fence != Some(refused) {
            return Ok(());
        }
        tracing::info!(group = %self.id, "the group in memory is not the one at rest");
        self.lose(&Refusal::NotCoordinator);
        Err(Lost)
    }

    async fn delete(&mut self, answer: Answer<Result<(), Refusal>>) -> Kept {
        let admitted = if self.exists() { self.group.admit_delete() } else { Err(Refusal::GroupNotFound) };
        if let Err(why) = admitted {
            let _ = answer.send(Err(why));
            return Ok(());
        }
        let deleted = match self.fence {
            Some(fence) => self.around.store.delete(&self.id, Some(fence)).await,
            None => Ok(()),
        };
        let verdict = deleted.map_err(|error| self.refusal(&error));
        self.lose(verdict.as_ref().err().unwrap_or(&Refusal::UnknownMember));
        let _ = answer.send(verdict);
        Err(Lost)
    }

    /// Time has passed.
    pub async fn elapse(&mut self) -> Kept {
        let effects = self.group.elapse(&self.around.rules, self.around.monotonic.now());
        self.settle(effects).await
    }

    /// The one who waited for `ticket` has hung up.
    pub async fn forsake(&mut self, ticket: Ticket) -> Kept {
        self.waiters.remove(&ticket);
        let effects = self.group.forsake(ticket, &self.around.rules, self.around.monotonic.now());
        self.settle(effects).await
    }

    /// Persists, then answers.
    async fn settle(&mut self, effects: Effects) -> Kept {
        if let Some(snapshot) = effects.save
            && let Err(error) = self.save(&snapshot).await
        {
            let why = self.refusal(&error);
            self.lose(&why);
            return Err(Lost);
        }
        for reply in effects.replies {
            self.reply(reply);
        }
        self.count(effects.expired);
        self.show();
        Ok(())
    }

    fn count(&mut self, expired: usize) {
        let generation = self.group.generation();
        let rebalanced = std::mem::replace(&mut self.generation, generation) != generation;
        let counts = &self.around.counts;
        counts.rebalances.fetch_add(u64::from(rebalanced), Ordering::Relaxed);
        counts.expired_members.fetch_add(expired as u64, Ordering::Relaxed);
    }

    async fn save(&mut self, snapshot: &Snapshot) -> Result<(), SaveError> {
        let (token, now) = (self.around.entropy.next_u64(), self.around.clock.now());
        self.fence = Some(self.around.store.save(&self.id, self.fence, token, snapshot, now).await?);
        Ok(())
    }

    fn refusal(&self, error: &SaveError) -> Refusal {
        match error {
            SaveError::Fenced => {
                tracing::info!(group = %self.id, "another coordinator has the group");
                Refusal::NotCoordinator
            }
            SaveError::Kv(_) | SaveError::Row(_) => {
                tracing::warn!(group = %self.id, %error, "group cannot be saved");
                Refusal::NotAvailable
            }
        }
    }

    /// Gives the group up: everyone who waits is told `why`.
    pub fn lose(&mut self, why: &Refusal) {
        for reply in self.group.dissolve(why).replies {
            self.reply(reply);
        }
        for waiter in std::mem::take(&mut self.waiters).into_values() {
            match waiter {
                Waiter::Join(answer) => drop(answer.send(Err(JoinRefused { member: None, why: why.clone() }))),
                Waiter::Sync(answer) => drop(answer.send(Err(why.clone()))),
            }
        }
        *self.sign.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn reply(&mut self, reply: Reply) {
        match (self.waiters.remove(&reply.ticket()), reply) {
            (Some(Waiter::Join(waiter)), Reply::Join { answer, .. }) => drop(waiter.send(answer)),
            (Some(Waiter::Sync(waiter)), Reply::Sync { answer, .. }) => drop(waiter.send(answer)),
            (None, _) => {}
            (Some(Waiter::Join(_)), Reply::Sync { .. }) | (Some(Waiter::Sync(_)), Reply::Join { .. }) => {
                unreachable!("a ticket is given to one request only")
            }
        }
    }

    fn show(&self) {
        let sign = self.exists().then(|| Sign {
            state: self.group.state().name(),
            protocol_type: self.group.protocol_type().unwrap_or_default().to_owned(),
        });
        *self.sign.lock().unwrap_or_else(PoisonError::into_inner) = sign;
    }
}
