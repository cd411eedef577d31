//! The task of one group: one event after the other, until nobody needs the group in memory.

use std::sync::{Arc, Mutex};

use alluvium_model::group::{GroupError, GroupId, WaiterId};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::config::{LEASE_PAUSE, LEASE_TIMEOUT, MAILBOX_MAX, STALL_MAX, VACANT_KEEP};
use super::disconnects::Disconnects;
use super::owner::{GroupContext, Owner, OwnershipLost};
use super::registry::{GroupHandle, GroupSummary, Registry};
use super::request::Request;

/// What wakes the task.
enum Event {
    Request(Request),
    Disconnected(Vec<WaiterId>),
    Due,
    /// Other nodes came or went, or this one's registration is another.
    Nodes,
    Stop,
}

/// One group's task before it runs.
pub(super) struct Task {
    pub id: GroupId,
    pub context: GroupContext,
    pub registry: Arc<Registry>,
    pub cancel: CancellationToken,
    mailbox: mpsc::Receiver<Request>,
    disconnects: Arc<Disconnects>,
    summary: Arc<Mutex<Option<GroupSummary>>>,
}

impl Task {
    /// A task for `id`, and its handle.
    pub fn new(
        id: GroupId,
        context: GroupContext,
        registry: Arc<Registry>,
        cancel: CancellationToken,
    ) -> (Self, GroupHandle) {
        let (sender, mailbox) = mpsc::channel(MAILBOX_MAX);
        let handle = GroupHandle { mailbox: sender, disconnects: Arc::default(), summary: Arc::default() };
        let (disconnects, summary) = (Arc::clone(&handle.disconnects), Arc::clone(&handle.summary));
        (Self { id, context, registry, cancel, mailbox, disconnects, summary }, handle)
    }

    /// Loads the group, serves it, and leaves. What is still in the mailbox then is dropped, and so asked again.
    pub async fn run(mut self) {
        let lease = match self.load().await {
            Ok(owner) => self.serve(owner).await.into_lease(),
            Err(why) => {
                self.refuse_all(&why);
                None
            }
        };
        self.registry.close(&self.id, &self.disconnects);
        self.mailbox.close();
        // Only now: whoever is refused here finds the group elsewhere as soon as it can be had.
        if let Some(lease) = lease {
            self.context.ownership.release(lease, &self.cancel).await;
        }
    }

    /// Loads the group; where another process still has it, waits a while for it to be given up.
    async fn load(&self) -> Result<Owner, GroupError> {
        let give_up = Instant::now() + LEASE_TIMEOUT;
        while !self.cancel.is_cancelled() && self.context.ownership.serves(&self.id) {
            match Owner::load(self.id.clone(), self.context.clone(), Arc::clone(&self.summary)).await {
                Ok(Some(owner)) => return Ok(owner),
                Ok(None) if Instant::now() < give_up => {}
                Ok(None) => {
                    tracing::info!(group = %self.id, "another process still has the group");
                    return Err(GroupError::NotAvailable);
                }
                Err(error) => {
                    tracing::warn!(group = %self.id, %error, "group cannot be loaded");
                    return Err(GroupError::NotAvailable);
                }
            }
            let _ = self.cancel.run_until_cancelled(sleep(LEASE_PAUSE)).await;
        }
        Err(GroupError::NotCoordinator)
    }

    async fn serve(&mut self, mut owner: Owner) -> Owner {
        let mut nodes = self.context.ownership.session.changes();
        let mut leaves = Instant::now() + VACANT_KEEP;
        while owner.is_kept() {
            let due = if owner.group().is_vacant() { leaves } else { self.deadline(&owner) };
            let kept = match self.next(due, &mut nodes).await {
                Event::Request(request) => {
                    leaves = Instant::now() + VACANT_KEEP;
                    serve_one(&mut owner, request).await
                }
                Event::Disconnected(waiters) => cancel_all(&mut owner, waiters).await,
                Event::Due if owner.group().is_vacant() => return owner,
                // Nobody was heard meanwhile, or can be judged now.
                Event::Due if due.elapsed() > STALL_MAX || !owner.is_served() => break,
                Event::Due => self.elapse(&mut owner).await,
                Event::Nodes => Ok(()),
                Event::Stop => break,
            };
            // Of a group that nobody has joined or committed to there is nothing to remember.
            let is_mere_name = !owner.exists() && self.mailbox.is_empty();
            if matches!(kept, Err(OwnershipLost)) || is_mere_name {
                return owner;
            }
        }
        owner.lose(&GroupError::NotCoordinator);
        owner
    }

    fn deadline(&self, owner: &Owner) -> Instant {
        let next = owner.group().next_deadline();
        next.map_or_else(|| Instant::now() + VACANT_KEEP, |deadline| owner.context.monotonic.instant(deadline))
    }

    async fn next(&mut self, due: Instant, nodes: &mut watch::Receiver<u64>) -> Event {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Event::Stop,
            Ok(()) = nodes.changed() => Event::Nodes,
            waiters = self.disconnects.next() => Event::Disconnected(waiters),
            () = sleep_until(due) => Event::Due,
            Some(request) = self.mailbox.recv() => Event::Request(request),
        }
    }

    /// Does what is due, but first hears those who spoke in time while the task was busy.
    async fn elapse(&mut self, owner: &mut Owner) -> Result<(), OwnershipLost> {
        for _ in 0..self.mailbox.len() {
            let Ok(request) = self.mailbox.try_recv() else { break };
            serve_one(owner, request).await?;
        }
        owner.elapse().await
    }

    /// Answers whoever asks a group that cannot be loaded.
    fn refuse_all(&mut self, why: &GroupError) {
        self.registry.close(&self.id, &self.disconnects);
        self.mailbox.close();
        while let Ok(request) = self.mailbox.try_recv() {
            request.refuse(why.clone());
        }
    }
}

/// Does what is asked, while this agent may answer for the group at all.
async fn serve_one(owner: &mut Owner, request: Request) -> Result<(), OwnershipLost> {
    if owner.is_served() {
        return owner.handle(request).await;
    }
    request.refuse(GroupError::NotCoordinator);
    Ok(())
}

async fn cancel_all(owner: &mut Owner, waiters: Vec<WaiterId>) -> Result<(), OwnershipLost> {
    for waiter in waiters {
        owner.cancel_waiter(waiter).await?;
    }
    Ok(())
}
