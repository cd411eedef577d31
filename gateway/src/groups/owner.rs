//! One group in memory: events go in, answers go out, and what must outlive the process is saved in between.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_metastore::groups::{Fence, Groups as Store, SaveError};
use alluvium_metastore::leases::Lease;
use alluvium_model::group::{
    Committer, Effects, Generation, Group, GroupError, GroupId, Join, Leaver, Rules, Snapshot, Subscriptions, Sync,
    WaiterId,
};
use alluvium_runtime::{Clock, Rng};

use super::clock::Monotonic;
use super::counts::Counts;
use super::ownership::Ownership;
use super::pending_replies::{PendingReplies, PendingReply};
use super::registry::GroupSummary;
use super::request::{Admission, Answer, Heartbeat, JoinAnswer, Request, SyncAnswer};

/// What a task needs beside its group. Clones share it.
#[derive(Clone)]
pub(super) struct GroupContext {
    pub store: Store,
    pub ownership: Ownership,
    pub rules: Arc<Rules>,
    pub monotonic: Monotonic,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub counts: Arc<Counts>,
}

/// One group in memory.
pub(super) struct Owner {
    pub id: GroupId,
    pub context: GroupContext,
    group: Group,
    /// The generation up to which rebalances were counted.
    generation: Generation,
    /// What the group is changed under; `None` while it is but a name that somebody asks for.
    lease: Option<Lease>,
    /// The save that memory follows from; `None` where there is none.
    fence: Option<Fence>,
    pending_replies: PendingReplies,
    summary: Arc<Mutex<Option<GroupSummary>>>,
}

/// The group is no longer ours, or cannot be served: it must leave memory. Everyone was told.
#[derive(Debug)]
pub(super) struct OwnershipLost;

type Kept = Result<(), OwnershipLost>;

impl Owner {
    /// Claims `id`, and loads it as it was last saved; `None` where another process has it. Of a group that was never saved
    /// there is nothing to lease yet: asking for it costs a read.
    pub async fn load(
        id: GroupId,
        context: GroupContext,
        summary: Arc<Mutex<Option<GroupSummary>>>,
    ) -> Result<Option<Self>, alluvium_metastore::Error> {
        let mut lease = None;
        let mut saved = context.store.load(&id).await?;
        if saved.is_some() {
            lease = context.ownership.lease(&id, &*context.rng).await?;
            if lease.is_none() {
                return Ok(None);
            }
            // Again: only from here on nobody else changes it.
            saved = context.store.load(&id).await?;
        }
        let (group, fence) = match saved {
            Some(saved) => (Group::restore(saved.snapshot, context.monotonic.now()), Some(saved.fence)),
            None => (Group::new(), None),
        };
        let generation = group.generation();
        let owner =
            Self { id, context, group, generation, lease, fence, pending_replies: PendingReplies::default(), summary };
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
        let owner = self.lease.as_ref().map(|lease| lease.owner);
        let ownership = &self.context.ownership;
        ownership.is_placed_here(&self.id) && owner.is_none_or(|owner| owner == ownership.session.lease_owner())
    }

    /// Whether it may be answered for now.
    pub fn is_served(&self) -> bool {
        self.context.ownership.serves(&self.id)
            && self.lease.as_ref().is_none_or(|lease| self.context.ownership.holds(lease))
    }

    /// What is to be given back when the group leaves memory.
    pub fn into_lease(self) -> Option<Lease> {
        self.lease
    }

    /// Does what is asked.
    pub async fn handle(&mut self, request: Request) -> Kept {
        let now = self.context.monotonic.now();
        match request {
            Request::Join(join, answer) => self.join(join, answer).await,
            Request::Sync(waiter, sync, answer) => self.sync(waiter, sync, answer).await,
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
        self.pending_replies.admit(join.waiter, PendingReply::Join(answer));
        self.lease().await?;
        let effects = self.group.join(join, &self.context.rules, self.context.monotonic.now());
        self.settle(effects).await
    }

    async fn sync(&mut self, waiter: WaiterId, sync: Sync, answer: Answer<SyncAnswer>) -> Kept {
        if answer.is_closed() {
            return Ok(());
        }
        self.pending_replies.admit(waiter, PendingReply::Sync(answer));
        let effects = self.group.sync(waiter, sync, &self.context.rules, self.context.monotonic.now());
        self.settle(effects).await
    }

    async fn leave(
        &mut self,
        leavers: &[Leaver],
        answer: Answer<Result<Vec<Result<(), GroupError>>, GroupError>>,
    ) -> Kept {
        match self.group.leave(leavers, &self.context.rules, self.context.monotonic.now()) {
            Ok((verdicts, effects)) => {
                let kept = self.settle(effects).await;
                let _ = answer.send(if kept.is_ok() { Ok(verdicts) } else { Err(GroupError::NotAvailable) });
                kept
            }
            Err(why) => {
                let _ = answer.send(Err(why));
                Ok(())
            }
        }
    }

    /// A commit needs a stored group, whose save it is admitted under: simple consumers make one by committing.
    async fn admit_commit(&mut self, committer: &Committer, answer: Answer<Result<Admission, GroupError>>) -> Kept {
        if !self.exists() && committer.generation.is_some() {
            let _ = answer.send(Err(GroupError::GroupNotFound));
            return Ok(());
        }
        let mut kept = Ok(());
        let verdict = match self.group.admit_commit(committer, self.context.monotonic.now()) {
            Err(why) => Err(why),
            Ok(()) => {
                if self.fence.is_none() {
                    let save = self.group.snapshot();
                    kept = self.settle(Effects { save, ..Effects::default() }).await;
                }
                // Without a save the group is in its very first rebalance: nobody has anything to commit.
                let refusal = || if kept.is_ok() { GroupError::IllegalGeneration } else { GroupError::NotAvailable };
                self.admission().ok_or_else(refusal)
            }
        };
        let _ = answer.send(verdict);
        kept
    }

    fn admission(&self) -> Option<Admission> {
        Some(Admission { lease: self.lease.clone()?, fence: self.fence? })
    }

    fn admit_offset_delete(&self) -> Result<(Subscriptions, Option<Admission>), GroupError> {
        if !self.exists() {
            return Err(GroupError::GroupNotFound);
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
        self.lose(&GroupError::NotCoordinator);
        Err(OwnershipLost)
    }

    async fn delete(&mut self, answer: Answer<Result<(), GroupError>>) -> Kept {
        let admitted = if self.exists() { self.group.admit_delete() } else { Err(GroupError::GroupNotFound) };
        if let Err(why) = admitted {
            let _ = answer.send(Err(why));
            return Ok(());
        }
        let deleted = match self.admission() {
            Some(Admission { lease, fence }) => self.context.store.delete(&lease, &self.id, Some(fence)).await,
            None => Ok(()),
        };
        let verdict = deleted.map_err(|error| self.refusal(&error));
        self.lose(verdict.as_ref().err().unwrap_or(&GroupError::UnknownMember));
        let _ = answer.send(verdict);
        Err(OwnershipLost)
    }

    /// Time has passed.
    pub async fn elapse(&mut self) -> Kept {
        let effects = self.group.elapse(&self.context.rules, self.context.monotonic.now());
        self.settle(effects).await
    }

    /// The one who waited for `waiter` has hung up.
    pub async fn cancel_waiter(&mut self, waiter: WaiterId) -> Kept {
        self.pending_replies.forget(waiter);
        let effects = self.group.cancel_waiter(waiter, &self.context.rules, self.context.monotonic.now());
        self.settle(effects).await
    }

    /// Persists, then answers.
    async fn settle(&mut self, effects: Effects) -> Kept {
        if let Some(snapshot) = effects.save
            && let Err(error) = self.save(&snapshot).await
        {
            let why = self.refusal(&error);
            self.lose(&why);
            return Err(OwnershipLost);
        }
        for reply in effects.replies {
            self.pending_replies.answer(reply);
        }
        self.count(effects.expired);
        self.show();
        Ok(())
    }

    fn count(&mut self, expired: usize) {
        let generation = self.group.generation();
        let rebalanced = std::mem::replace(&mut self.generation, generation) != generation;
        let counts = &self.context.counts;
        counts.rebalances.fetch_add(u64::from(rebalanced), Ordering::Relaxed);
        counts.expired_members.fetch_add(expired as u64, Ordering::Relaxed);
    }

    async fn save(&mut self, snapshot: &Snapshot) -> Result<(), SaveError> {
        let Some(lease) = self.leased().await? else { return Err(SaveError::Fenced) };
        let (token, now) = (self.context.rng.next_u64(), self.context.clock.now());
        self.fence = Some(self.context.store.save(&lease, &self.id, self.fence, token, snapshot, now).await?);
        Ok(())
    }

    /// Claims what was but a name so far.
    async fn lease(&mut self) -> Kept {
        let leased = self.leased().await.map_err(SaveError::from).and_then(|lease| lease.ok_or(SaveError::Fenced));
        match leased {
            Ok(_) => Ok(()),
            Err(error) => {
                let why = self.refusal(&error);
                self.lose(&why);
                Err(OwnershipLost)
            }
        }
    }

    async fn leased(&mut self) -> Result<Option<Lease>, alluvium_metastore::Error> {
        if self.lease.is_none() {
            self.lease = self.context.ownership.lease(&self.id, &*self.context.rng).await?;
        }
        Ok(self.lease.clone())
    }

    fn refusal(&self, error: &SaveError) -> GroupError {
        match error {
            SaveError::Fenced => {
                tracing::info!(group = %self.id, "another coordinator has the group");
                self.context.counts.lost_groups.fetch_add(1, Ordering::Relaxed);
                GroupError::NotCoordinator
            }
            SaveError::Kv(_) | SaveError::Row(_) => {
                tracing::warn!(group = %self.id, %error, "group cannot be saved");
                GroupError::NotAvailable
            }
        }
    }

    /// Gives the group up: everyone who waits is told `why`.
    pub fn lose(&mut self, why: &GroupError) {
        for reply in self.group.dissolve(why).replies {
            self.pending_replies.answer(reply);
        }
        self.pending_replies.dismiss(why);
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn show(&self) {
        let summary = self.exists().then(|| GroupSummary {
            state: self.group.state().name(),
            protocol_type: self.group.protocol_type().unwrap_or_default().to_owned(),
        });
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = summary;
    }
}
