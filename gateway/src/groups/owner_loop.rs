//! The task of one group: one event after the other, until nobody needs the group in memory.

use std::sync::{Arc, Mutex};

use alluvium_model::group::{GroupId, Refusal, Ticket};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::config::{CLAIM_PATIENCE, CLAIM_PAUSE, MAILBOX_MAX, STALL_MAX, VACANT_KEEP};
use super::owner::{Lost, Owner, Surroundings};
use super::registry::{Door, Registry, Sign};
use super::request::Request;
use super::waiting::HangUps;

/// What wakes the task.
enum Event {
    Request(Request),
    HungUp(Vec<Ticket>),
    Due,
    /// Other nodes came or went, or this one's registration is another.
    Nodes,
    Stop,
}

/// One group's task before it runs.
pub(super) struct Task {
    pub id: GroupId,
    pub around: Surroundings,
    pub registry: Arc<Registry>,
    pub cancel: CancellationToken,
    mailbox: mpsc::Receiver<Request>,
    hang_ups: Arc<HangUps>,
    sign: Arc<Mutex<Option<Sign>>>,
}

impl Task {
    /// A task for `id`, and its door.
    pub fn new(id: GroupId, around: Surroundings, registry: Arc<Registry>, cancel: CancellationToken) -> (Self, Door) {
        let (sender, mailbox) = mpsc::channel(MAILBOX_MAX);
        let door = Door { mailbox: sender, hang_ups: Arc::default(), sign: Arc::default() };
        let (hang_ups, sign) = (Arc::clone(&door.hang_ups), Arc::clone(&door.sign));
        (Self { id, around, registry, cancel, mailbox, hang_ups, sign }, door)
    }

    /// Loads the group, serves it, and leaves. What is still in the mailbox then is dropped, and so asked again.
    pub async fn run(mut self) {
        let claim = match self.load().await {
            Ok(owner) => self.serve(owner).await.into_claim(),
            Err(why) => {
                self.refuse_all(&why);
                None
            }
        };
        self.registry.close(&self.id, &self.hang_ups);
        self.mailbox.close();
        // Only now: whoever is refused here finds the group elsewhere as soon as it can be had.
        if let Some(claim) = claim {
            self.around.office.release(claim, &self.cancel).await;
        }
    }

    /// Loads the group; where another process still has it, waits a while for it to be given up.
    async fn load(&self) -> Result<Owner, Refusal> {
        let give_up = Instant::now() + CLAIM_PATIENCE;
        while !self.cancel.is_cancelled() && self.around.office.serves(&self.id) {
            match Owner::load(self.id.clone(), self.around.clone(), Arc::clone(&self.sign)).await {
                Ok(Some(owner)) => return Ok(owner),
                Ok(None) if Instant::now() < give_up => {}
                Ok(None) => {
                    tracing::info!(group = %self.id, "another process still has the group");
                    return Err(Refusal::NotAvailable);
                }
                Err(error) => {
                    tracing::warn!(group = %self.id, %error, "group cannot be loaded");
                    return Err(Refusal::NotAvailable);
                }
            }
            let _ = self.cancel.run_until_cancelled(sleep(CLAIM_PAUSE)).await;
        }
        Err(Refusal::NotCoordinator)
    }

    async fn serve(&mut self, mut owner: Owner) -> Owner {
        let mut nodes = self.around.office.session.changes();
        let mut leaves = Instant::now() + VACANT_KEEP;
        while owner.is_kept() {
            let due = if owner.group().is_vacant() { leaves } else { self.deadline(&owner) };
            let kept = match self.next(due, &mut nodes).await {
                Event::Request(request) => {
                    leaves = Instant::now() + VACANT_KEEP;
                    serve_one(&mut owner, request).await
                }
                Event::HungUp(tickets) => forsake_all(&mut owner, tickets).await,
                Event::Due if owner.group().is_vacant() => return owner,
                // Nobody was heard meanwhile, or can be judged now.
                Event::Due if due.elapsed() > STALL_MAX || !owner.is_served() => break,
                Event::Due => self.elapse(&mut owner).await,
                Event::Nodes => Ok(()),
                Event::Stop => break,
            };
            // Of a group that nobody has joined or committed to there is nothing to remember.
            let is_mere_name = !owner.exists() && self.mailbox.is_empty();
            if matches!(kept, Err(Lost)) || is_mere_name {
                return owner;
            }
        }
        owner.lose(&Refusal::NotCoordinator);
        owner
    }

    fn deadline(&self, owner: &Owner) -> Instant {
        let next = owner.group().next_deadline();
        next.map_or_else(|| Instant::now() + VACANT_KEEP, |deadline| owner.around.monotonic.instant(deadline))
    }

    async fn next(&mut self, due: Instant, nodes: &mut watch::Receiver<u64>) -> Event {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Event::Stop,
            Ok(()) = nodes.changed() => Event::Nodes,
            tickets = self.hang_ups.next() => Event::HungUp(tickets),
            () = sleep_until(due) => Event::Due,
            Some(request) = self.mailbox.recv() => Event::Request(request),
        }
    }

    /// Does what is due, but first hears those who spoke in time while the task was busy.
    async fn elapse(&mut self, owner: &mut Owner) -> Result<(), Lost> {
        for _ in 0..self.mailbox.len() {
            let Ok(request) = self.mailbox.try_recv() else { break };
            serve_one(owner, request).await?;
        }
        owner.elapse().await
    }

    /// Answers whoever asks a group that cannot be loaded.
    fn refuse_all(&mut self, why: &Refusal) {
        self.registry.close(&self.id, &self.hang_ups);
        self.mailbox.close();
        while let Ok(request) = self.mailbox.try_recv() {
            request.refuse(why.clone());
        }
    }
}

/// Does what is asked, while this agent may answer for the group at all.
async fn serve_one(owner: &mut Owner, request: Request) -> Result<(), Lost> {
    if owner.is_served() {
        return owner.handle(request).await;
    }
    request.refuse(Refusal::NotCoordinator);
    Ok(())
}

async fn forsake_all(owner: &mut Owner, tickets: Vec<Ticket>) -> Result<(), Lost> {
    for ticket in tickets {
        owner.forsake(ticket).await?;
    }
    Ok(())
}
