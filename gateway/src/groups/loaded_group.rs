//! One group in memory: applies requests and timers to it, saves what must outlive the process, then answers.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_metastore::groups::{Fence, SaveError};
use alluvium_metastore::leases::Lease;
use alluvium_model::group::{
    Committer, Effects, Generation, Group, GroupError, GroupId, Join, Leaver, Snapshot, Subscriptions, Sync, WaiterId,
};

use super::context::GroupContext;
use super::pending_replies::{PendingReplies, PendingReply};
use super::registry::GroupSummary;
use super::request::{Admission, AnswerSender, Heartbeat, JoinAnswer, LeaveAnswer, Request, SyncAnswer};

/// One group in memory.
pub(super) struct LoadedGroup {
    /// The group's name.
    pub id: GroupId,
    /// The services and rules it uses.
    pub context: GroupContext,
    group: Group,
    /// The generation up to which rebalances were counted.
    counted_generation: Generation,
    /// The lease under which the group is changed; `None` while the group has neither members nor stored rows.
    lease: Option<Lease>,
    /// The save that memory follows from; `None` if the group was never saved.
    fence: Option<Fence>,
    pending_replies: PendingReplies,
    summary: Arc<Mutex<Option<GroupSummary>>>,
}

/// This agent no longer owns the group, or cannot serve it: the group must leave memory. All waiting clients have been
/// answered.
#[derive(Debug)]
pub(super) struct OwnershipLost;

type Result<T, E = OwnershipLost> = std::result::Result<T, E>;

impl LoadedGroup {
    /// Acquires the lease of `id`, and loads the group as it was last saved; `None` if another process has the lease. A
    /// group that was never saved needs no lease yet: a request for it costs one read.
    pub async fn load(
        id: GroupId,
        context: GroupContext,
        summary: Arc<Mutex<Option<GroupSummary>>>,
    ) -> Result<Option<Self>, alluvium_metastore::Error> {
        let mut lease = None;
        let mut saved = context.store.load(&id).await?;
        if saved.is_some() {
            lease = context.ownership.acquire(&id, &*context.rng).await?;
            if lease.is_none() {
                return Ok(None);
            }
            // Read again: only from here on nobody else changes it.
            saved = context.store.load(&id).await?;
        }
        let (group, fence) = match saved {
            Some(saved) => (Group::restore(saved.snapshot, context.monotonic.now()), Some(saved.fence)),
            None => (Group::new(), None),
        };
        let counted_generation = group.generation();
        let pending_replies = PendingReplies::default();
        let loaded = Self { id, context, group, counted_generation, lease, fence, pending_replies, summary };
        loaded.publish_summary();
        Ok(Some(loaded))
    }

    /// The group's state machine.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Whether the group has members or stored rows.
    pub fn exists(&self) -> bool {
        self.fence.is_some() || !self.group.is_vacant()
    }

    /// Whether the group may stay in memory.
    pub fn may_stay(&self) -> bool {
        self.context.ownership.may_stay(&self.id, self.lease.as_ref())
    }

    /// Whether requests may be answered now.
    pub fn may_answer(&self) -> bool {
        self.context.ownership.may_answer(&self.id, self.lease.as_ref())
    }

    /// The lease, to be released when the group leaves memory.
    pub fn into_lease(self) -> Option<Lease> {
        self.lease
    }

    /// Saves what the agent that is the coordinator from now on must know.
    pub async fn hand_over(&mut self) {
        let Some(snapshot) = self.group.handover_snapshot(self.context.monotonic.now()) else { return };
        if self.lease.is_some()
            && let Err(error) = self.save(&snapshot).await
        {
            tracing::info!(group = %self.id, %error, "group is handed over as it was saved last");
        }
    }

    /// Serves one request.
    pub async fn handle(&mut self, request: Request) -> Result<()> {
        let now = self.context.monotonic.now();
        match request {
            Request::Join(join, answer) => self.join(join, answer).await,
            Request::Sync(waiter, sync, answer) => self.sync(waiter, sync, answer).await,
            Request::Heartbeat(Heartbeat { member, instance, generation }, answer) => {
                let result = self.group.heartbeat(&member, instance.as_ref(), generation, now);
                let _ = answer.send(result);
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
            Request::Revalidate(admission, answer) => {
                let result = self.revalidate(&admission);
                let _ = answer.send(result.is_ok());
                result
            }
            Request::Load(answer) => {
                let _ = answer.send(true);
                Ok(())
            }
        }
    }

    async fn join(&mut self, join: Join, answer: AnswerSender<JoinAnswer>) -> Result<()> {
        if answer.is_closed() {
            return Ok(());
        }
        self.pending_replies.insert(join.waiter, PendingReply::Join(answer));
        self.require_lease().await?;
        let effects = self.group.join(join, &self.context.rules, self.context.monotonic.now());
        self.apply(effects).await
    }

    async fn sync(&mut self, waiter: WaiterId, sync: Sync, answer: AnswerSender<SyncAnswer>) -> Result<()> {
        if answer.is_closed() {
            return Ok(());
        }
        self.pending_replies.insert(waiter, PendingReply::Sync(answer));
        let effects = self.group.sync(waiter, sync, &self.context.rules, self.context.monotonic.now());
        self.apply(effects).await
    }

    async fn leave(&mut self, leavers: &[Leaver], answer: AnswerSender<LeaveAnswer>) -> Result<()> {
        match self.group.leave(leavers, &self.context.rules, self.context.monotonic.now()) {
            Ok((results, effects)) => {
                let applied = self.apply(effects).await;
                let _ = answer.send(if applied.is_ok() { Ok(results) } else { Err(GroupError::NotAvailable) });
                applied
            }
            Err(why) => {
                let _ = answer.send(Err(why));
                Ok(())
            }
        }
    }

    /// A commit is admitted under the save of a stored group. A simple consumer creates the group by committing.
    async fn admit_commit(
        &mut self,
        committer: &Committer,
        answer: AnswerSender<Result<Admission, GroupError>>,
    ) -> Result<()> {
        if !self.exists() && committer.generation.is_some() {
            let _ = answer.send(Err(GroupError::GroupNotFound));
            return Ok(());
        }
        let mut applied = Ok(());
        let admitted = match self.group.admit_commit(committer, self.context.monotonic.now()) {
            Err(why) => Err(why),
            Ok(()) => {
                if self.fence.is_none() {
                    let save = self.group.snapshot();
                    applied = self.apply(Effects { save, ..Effects::default() }).await;
                }
                // Without a save the group is in its very first rebalance: no member has offsets to commit yet.
                let error = || if applied.is_ok() { GroupError::IllegalGeneration } else { GroupError::NotAvailable };
                self.admission().ok_or_else(error)
            }
        };
        let _ = answer.send(admitted);
        applied
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

    /// If the store fenced an admission that is still the current one here, another process has taken, saved, expired
    /// or deleted the group: it leaves memory, and the next request loads it again.
    fn revalidate(&mut self, fenced: &Admission) -> Result<()> {
        if self.admission().as_ref() != Some(fenced) {
            return Ok(());
        }
        tracing::info!(group = %self.id, "group in memory is stale; it is loaded again at the next request");
        self.fail_waiters(&GroupError::NotCoordinator);
        Err(OwnershipLost)
    }

    async fn delete(&mut self, answer: AnswerSender<Result<(), GroupError>>) -> Result<()> {
        let admitted = if self.exists() { self.group.admit_delete() } else { Err(GroupError::GroupNotFound) };
        if let Err(why) = admitted {
            let _ = answer.send(Err(why));
            return Ok(());
        }
        let deleted = match self.admission() {
            Some(Admission { lease, fence }) => self.context.store.delete(&lease, &self.id, Some(fence)).await,
            None => Ok(()),
        };
        let result = deleted.map_err(|error| self.group_error(&error));
        self.fail_waiters(result.as_ref().err().unwrap_or(&GroupError::UnknownMember));
        let _ = answer.send(result);
        Err(OwnershipLost)
    }

    /// Expires what is due now: sessions, and the current rebalance.
    pub async fn elapse(&mut self) -> Result<()> {
        let effects = self.group.elapse(&self.context.rules, self.context.monotonic.now());
        self.apply(effects).await
    }

    /// The client that waits as `waiter` has disconnected.
    pub async fn cancel_waiter(&mut self, waiter: WaiterId) -> Result<()> {
        self.pending_replies.remove(waiter);
        let effects = self.group.cancel_waiter(waiter, &self.context.rules, self.context.monotonic.now());
        self.apply(effects).await
    }

    /// Saves, then answers.
    async fn apply(&mut self, effects: Effects) -> Result<()> {
        if let Some(snapshot) = effects.save
            && let Err(error) = self.save(&snapshot).await
        {
            let why = self.group_error(&error);
            self.fail_waiters(&why);
            return Err(OwnershipLost);
        }
        for reply in effects.replies {
            self.pending_replies.answer(reply);
        }
        self.count(effects.expired);
        self.publish_summary();
        Ok(())
    }

    fn count(&mut self, expired: usize) {
        let generation = self.group.generation();
        let rebalanced = std::mem::replace(&mut self.counted_generation, generation) != generation;
        let counters = &self.context.counters;
        counters.rebalances.fetch_add(u64::from(rebalanced), Ordering::Relaxed);
        counters.expired_members.fetch_add(expired as u64, Ordering::Relaxed);
    }

    async fn save(&mut self, snapshot: &Snapshot) -> Result<(), SaveError> {
        let Some(lease) = self.acquire_lease().await? else { return Err(SaveError::Fenced) };
        let (token, now) = (self.context.rng.next_u64(), self.context.clock.now());
        self.fence = Some(self.context.store.save(&lease, &self.id, self.fence, token, snapshot, now).await?);
        Ok(())
    }

    /// Acquires the lease if there is none yet; fails the waiters if another process has it.
    async fn require_lease(&mut self) -> Result<()> {
        let lease =
            self.acquire_lease().await.map_err(SaveError::from).and_then(|lease| lease.ok_or(SaveError::Fenced));
        match lease {
            Ok(_) => Ok(()),
            Err(error) => {
                let why = self.group_error(&error);
                self.fail_waiters(&why);
                Err(OwnershipLost)
            }
        }
    }

    /// The lease of this group, acquired if there is none yet; `None` if another process has it.
    async fn acquire_lease(&mut self) -> Result<Option<Lease>, alluvium_metastore::Error> {
        if self.lease.is_none() {
            self.lease = self.context.ownership.acquire(&self.id, &*self.context.rng).await?;
        }
        Ok(self.lease.clone())
    }

    fn group_error(&self, error: &SaveError) -> GroupError {
        match error {
            SaveError::Fenced => {
                tracing::info!(group = %self.id, "another coordinator has the group; its clients are sent there");
                self.context.counters.lost_groups.fetch_add(1, Ordering::Relaxed);
                GroupError::NotCoordinator
            }
            SaveError::Kv(_) | SaveError::Row(_) => {
                tracing::warn!(group = %self.id, %error, "group cannot be saved; its clients retry");
                GroupError::NotAvailable
            }
        }
    }

    /// Answers all waiting clients with the error `why`, because the group leaves memory.
    pub fn fail_waiters(&mut self, why: &GroupError) {
        for reply in self.group.dissolve(why).replies {
            self.pending_replies.answer(reply);
        }
        self.pending_replies.fail_all(why);
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn publish_summary(&self) {
        let summary = self.exists().then(|| GroupSummary {
            state: self.group.state().name(),
            protocol_type: self.group.protocol_type().unwrap_or_default().to_owned(),
        });
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = summary;
    }
}
