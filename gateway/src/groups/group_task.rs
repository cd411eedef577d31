//! The task of one group: handles one event after the other, until the group is not needed in memory.

use std::sync::{Arc, Mutex};

use alluvium_model::group::{GroupError, GroupId, WaiterId};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::config::{EMPTY_IDLE_MAX, LEASE_PAUSE, LEASE_TIMEOUT, MAILBOX_MAX, STALL_MAX};
use super::context::GroupContext;
use super::disconnects::Disconnects;
use super::loaded_group::{LoadedGroup, OwnershipLost};
use super::registry::{GroupHandle, GroupSummary, Registry};
use super::request::Request;

/// What the task wakes up for.
enum Event {
    /// A request arrived.
    Request(Request),
    /// The clients of these waiters disconnected.
    Disconnected(Vec<WaiterId>),
    /// The next deadline has passed.
    Due,
    /// Other nodes came or went, or this process has a new registration.
    NodesChanged,
    /// The agent stops.
    Stop,
}

/// The task of one group, before it runs.
pub(super) struct GroupTask {
    id: GroupId,
    context: GroupContext,
    registry: Arc<Registry>,
    cancel: CancellationToken,
    mailbox: mpsc::Receiver<Request>,
    disconnects: Arc<Disconnects>,
    summary: Arc<Mutex<Option<GroupSummary>>>,
}

impl GroupTask {
    /// A task for the group `id`, and its handle.
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

    /// Loads the group, serves it, and removes it from memory. Requests still in the mailbox then are dropped, so that
    /// their senders send them again.
    pub async fn run(mut self) {
        let lease = match self.load().await {
            Ok(group) => self.serve(group).await.into_lease(),
            Err(why) => {
                self.fail_all(&why);
                None
            }
        };
        self.registry.remove(&self.id, &self.disconnects);
        self.mailbox.close();
        // Only now: a client that got an error finds the group at its new coordinator as soon as the lease is free.
        if let Some(lease) = lease {
            self.context.ownership.release(lease, &self.cancel).await;
        }
    }

    /// Loads the group; if another process still has its lease, waits for a while until that releases it.
    async fn load(&self) -> Result<LoadedGroup, GroupError> {
        let give_up = Instant::now() + LEASE_TIMEOUT;
        while !self.cancel.is_cancelled() && self.context.ownership.may_answer(&self.id, None) {
            match LoadedGroup::load(self.id.clone(), self.context.clone(), Arc::clone(&self.summary)).await {
                Ok(Some(group)) => return Ok(group),
                Ok(None) if Instant::now() < give_up => {}
                Ok(None) => {
                    tracing::info!(group = %self.id, "another process still has the group's lease; clients retry");
                    return Err(GroupError::NotAvailable);
                }
                Err(error) => {
                    tracing::warn!(group = %self.id, %error, "group cannot be loaded; clients retry");
                    return Err(GroupError::NotAvailable);
                }
            }
            let _ = self.cancel.run_until_cancelled(sleep(LEASE_PAUSE)).await;
        }
        Err(GroupError::NotCoordinator)
    }

    async fn serve(&mut self, mut group: LoadedGroup) -> LoadedGroup {
        let mut nodes = self.context.ownership.session.changes();
        let mut empty_until = Instant::now() + EMPTY_IDLE_MAX;
        while group.may_stay() {
            let due = if group.group().is_vacant() { empty_until } else { self.deadline(&group) };
            let result = match self.next(due, &mut nodes).await {
                Event::Request(request) => {
                    empty_until = Instant::now() + EMPTY_IDLE_MAX;
                    handle_or_fail(&mut group, request).await
                }
                Event::Disconnected(waiters) => cancel_waiters(&mut group, waiters).await,
                Event::Due if group.group().is_vacant() => return group,
                // Heartbeats may have been missed meanwhile, so that no member can be expired fairly.
                Event::Due if due.elapsed() > STALL_MAX || !group.may_answer() => break,
                Event::Due => self.elapse(&mut group).await,
                Event::NodesChanged => Ok(()),
                Event::Stop => break,
            };
            // A group without members and offsets need not stay in memory.
            let is_unused = !group.exists() && self.mailbox.is_empty();
            if matches!(result, Err(OwnershipLost)) || is_unused {
                return group;
            }
        }
        if !group.may_stay() && self.context.ownership.session.is_valid() {
            group.hand_over().await;
        }
        group.fail_waiters(&GroupError::NotCoordinator);
        group
    }

    fn deadline(&self, group: &LoadedGroup) -> Instant {
        let next = group.group().next_deadline();
        next.map_or_else(|| Instant::now() + EMPTY_IDLE_MAX, |deadline| self.context.monotonic.instant(deadline))
    }

    async fn next(&mut self, due: Instant, nodes: &mut watch::Receiver<u64>) -> Event {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Event::Stop,
            Ok(()) = nodes.changed() => Event::NodesChanged,
            waiters = self.disconnects.next() => Event::Disconnected(waiters),
            () = sleep_until(due) => Event::Due,
            Some(request) = self.mailbox.recv() => Event::Request(request),
        }
    }

    /// Expires what is due, but first serves the requests that arrived in time while the task was busy.
    async fn elapse(&mut self, group: &mut LoadedGroup) -> Result<(), OwnershipLost> {
        for _ in 0..self.mailbox.len() {
            let Ok(request) = self.mailbox.try_recv() else { break };
            handle_or_fail(group, request).await?;
        }
        group.elapse().await
    }

    /// Answers all requests for a group that cannot be loaded with the error `why`.
    fn fail_all(&mut self, why: &GroupError) {
        self.registry.remove(&self.id, &self.disconnects);
        self.mailbox.close();
        while let Ok(request) = self.mailbox.try_recv() {
            request.fail(why.clone());
        }
    }
}

/// Serves a request, if this agent may answer for the group now.
async fn handle_or_fail(group: &mut LoadedGroup, request: Request) -> Result<(), OwnershipLost> {
    if group.may_answer() {
        return group.handle(request).await;
    }
    request.fail(GroupError::NotCoordinator);
    Ok(())
}

async fn cancel_waiters(group: &mut LoadedGroup, waiters: Vec<WaiterId>) -> Result<(), OwnershipLost> {
    for waiter in waiters {
        group.cancel_waiter(waiter).await?;
    }
    Ok(())
}
