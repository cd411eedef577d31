//! One group in memory: events go in, answers go out, and what must outlive the process is saved in between.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_metastore::ambient::{Clock, Entropy};
use alluvium_metastore::groups::{Fence, Groups as Store, SaveError};
use alluvium_metastore::leases::Claim;
use alluvium_model::group::{
    Committer, Effects, Generation, Group, GroupId, Join, Leaver, Refusal, Rules, Snapshot, Subscriptions, Sync, Ticket,
};

use super::callers::{Caller, Callers};
use super::claim::Office;
use super::clock::Monotonic;
use super::counts::Counts;
use super::registry::Sign;
use super::request::{Admission, Answer, Heartbeat, JoinAnswer, Request, SyncAnswer};

/// What a task needs beside its group. Clones share it.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub store: Store,
    pub office: Office,
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
    /// What the group is changed under; `None` while it is but a name that somebody asks for.
    claim: Option<Claim>,
    /// The save that memory follows from; `None` where there is none.
    fence: Option<Fence>,
    callers: Callers,
    sign: Arc<Mutex<Option<Sign>>>,
}

/// The group is no longer ours, or cannot be served: it must leave memory. Everyone was told.
#[derive(Debug)]
pub(super) struct Lost;

type Kept = Result<(), Lost>;

impl Owner {
    /// Claims `id`, and loads it as it was last saved; `None` where another process has it. Of a group that was never saved
    /// there is nothing to claim yet: asking for it costs a read.
    pub async fn load(
        id: GroupId,
        around: Surroundings,
        sign: Arc<Mutex<Option<Sign>>>,
    ) -> Result<Option<Self>, alluvium_metastore::Error> {
        let mut claim = None;
        let mut saved = around.store.load(&id).await?;
        if saved.is_some() {
            claim = around.office.claim(&id, &*around.entropy).await?;
            if claim.is_none() {
                return Ok(None);
            }
            // Again: only from here on nobody else changes it.
            saved = around.store.load(&id).await?;
        }
        let (group, fence) = match saved {
            Some(saved) => (Group::restore(saved.snapshot, around.monotonic.now()), Some(saved.fence)),
            None => (Group::new(), None),
        };
        let generation = group.generation();
        let owner = Self { id, around, group, generation, claim, fence, callers: Callers::default(), sign };
        owner.show();
        Ok(Some(owner))
    }

    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Whether the group is more than a name that somebody asked for.
    pub fn exists(&self) -> bool {
        self.fence.is_some() || !self.group.is_vacant()
    }

    /// Whether the group is still ours.
    pub fn is_kept(&self) -> bool {
        let owner = self.claim.as_ref().map(|claim| claim.owner);
        let office = &self.around.office;
        office.is_placed_here(&self.id) && owner.is_none_or(|owner| owner == office.session.claimant())
    }

    /// Whether it may be answered for now.
    pub fn is_served(&self) -> bool {
        self.around.office.serves(&self.id) && self.claim.as_ref().is_none_or(|claim| self.around.office.holds(claim))
    }

    /// What is to be given back when the group leaves memory.
    pub fn into_claim(self) -> Option<Claim> {
        self.claim
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
            Request::Doubt(admission, answer) => {
                let kept = self.doubt(&admission);
                let _ = answer.send(kept.is_ok());
                kept
            }
            Request::Wake(answer) => {
                let _ = answer.send(true);
                Ok(())
            }
        }
    }

    async fn join(&mut self, join: Join, answer: Answer<JoinAnswer>) -> Kept {
        if answer.is_closed() {
            return Ok(());
        }
        self.callers.admit(join.ticket, Caller::Join(answer));
        self.claim().await?;
        let effects = self.group.join(join, &self.around.rules, self.around.monotonic.now());
        self.settle(effects).await
    }

    async fn sync(&mut self, ticket: Ticket, sync: Sync, answer: Answer<SyncAnswer>) -> Kept {
        if answer.is_closed() {
            return Ok(());
        }
        self.callers.admit(ticket, Caller::Sync(answer));
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
    async fn admit_commit(&mut self, committer: &Committer, answer: Answer<Result<Admission, Refusal>>) -> Kept {
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
                let refusal = || if kept.is_ok() { Refusal::IllegalGeneration } else { Refusal::NotAvailable };
                self.admission().ok_or_else(refusal)
            }
        };
        let _ = answer.send(verdict);
        kept
    }

    fn admission(&self) -> Option<Admission> {
        Some(Admission { claim: self.claim.clone()?, fence: self.fence? })
    }

    fn admit_offset_delete(&self) -> Result<(Subscriptions, Option<Admission>), Refusal> {
        if !self.exists() {
            return Err(Refusal::GroupNotFound);
        }
        Ok((self.group.admit_offset_delete()?, self.admission()))
    }

    /// Where the store refused what still holds here, somebody has taken, saved, expired or deleted the group behind our
    /// back: it leaves memory, and is loaded again by whoever asks next.
    fn doubt(&mut self, refused: &Admission) -> Kept {
        if self.admission().as_ref() != Some(refused) {
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
        let deleted = match self.admission() {
            Some(Admission { claim, fence }) => self.around.store.delete(&claim, &self.id, Some(fence)).await,
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
        self.callers.forget(ticket);
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
            self.callers.answer(reply);
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
        let Some(claim) = self.claimed().await? else { return Err(SaveError::Fenced) };
        let (token, now) = (self.around.entropy.next_u64(), self.around.clock.now());
        self.fence = Some(self.around.store.save(&claim, &self.id, self.fence, token, snapshot, now).await?);
        Ok(())
    }

    /// Claims what was but a name so far.
    async fn claim(&mut self) -> Kept {
        let claimed = self.claimed().await.map_err(SaveError::from).and_then(|claim| claim.ok_or(SaveError::Fenced));
        match claimed {
            Ok(_) => Ok(()),
            Err(error) => {
                let why = self.refusal(&error);
                self.lose(&why);
                Err(Lost)
            }
        }
    }

    async fn claimed(&mut self) -> Result<Option<Claim>, alluvium_metastore::Error> {
        if self.claim.is_none() {
            self.claim = self.around.office.claim(&self.id, &*self.around.entropy).await?;
        }
        Ok(self.claim.clone())
    }

    fn refusal(&self, error: &SaveError) -> Refusal {
        match error {
            SaveError::Fenced => {
                tracing::info!(group = %self.id, "another coordinator has the group");
                self.around.counts.lost_groups.fetch_add(1, Ordering::Relaxed);
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
            self.callers.answer(reply);
        }
        self.callers.dismiss(why);
        *self.sign.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn show(&self) {
        let sign = self.exists().then(|| Sign {
            state: self.group.state().name(),
            protocol_type: self.group.protocol_type().unwrap_or_default().to_owned(),
        });
        *self.sign.lock().unwrap_or_else(PoisonError::into_inner) = sign;
    }
}
