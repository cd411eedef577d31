//! The task of one group: one event after the other, until nobody needs the group in memory.

use std::sync::{Arc, Mutex};

use alluvium_model::group::{GroupId, Refusal, Ticket};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::config::{MAILBOX_MAX, VACANT_KEEP};
use super::owner::{Lost, Owner, Surroundings};
use super::registry::{Door, Registry, Sign};
use super::request::Request;
use super::waiting::HangUps;

/// What wakes the task.
enum Event {
    Request(Request),
    HungUp(Vec<Ticket>),
    Due,
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
        match Owner::load(self.id.clone(), self.around.clone(), Arc::clone(&self.sign)).await {
            Ok(owner) => self.serve(owner).await,
            Err(error) => {
                tracing::warn!(group = %self.id, %error, "group cannot be loaded");
                self.refuse_all();
            }
        }
        self.registry.close(&self.id, &self.hang_ups);
        self.mailbox.close();
    }

    async fn serve(&mut self, mut owner: Owner) {
        let mut leaves = Instant::now() + VACANT_KEEP;
        loop {
            let due = if owner.group().is_vacant() { leaves } else { self.deadline(&owner) };
            let kept = match self.next(due).await {
                Event::Request(request) => {
                    leaves = Instant::now() + VACANT_KEEP;
                    owner.handle(request).await
                }
                Event::HungUp(tickets) => forsake_all(&mut owner, tickets).await,
                Event::Due if owner.group().is_vacant() => return,
                Event::Due => self.elapse(&mut owner).await,
                Event::Stop => return owner.lose(&Refusal::NotCoordinator),
            };
            // Of a group that nobody has joined or committed to there is nothing to remember.
            let is_mere_name = !owner.exists() && self.mailbox.is_empty();
            if matches!(kept, Err(Lost)) || is_mere_name {
                return;
            }
        }
    }

    fn deadline(&self, owner: &Owner) -> Instant {
        let next = owner.group().next_deadline();
        next.map_or_else(|| Instant::now() + VACANT_KEEP, |deadline| owner.around.monotonic.instant(deadline))
    }

    async fn next(&mut self, due: Instant) -> Event {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Event::Stop,
            tickets = self.hang_ups.next() => Event::HungUp(tickets),
            () = sleep_until(due) => Event::Due,
            Some(request) = self.mailbox.recv() => Event::Request(request),
        }
    }

    /// Does what is due, but first hears those who spoke in time while the task was busy.
    async fn elapse(&mut self, owner: &mut Owner) -> Result<(), Lost> {
        for _ in 0..self.mailbox.len() {
            let Ok(request) = self.mailbox.try_recv() else { break };
            owner.handle(request).await?;
        }
        owner.elapse().await
    }

    /// Answers whoever asks a group that cannot be loaded.
    fn refuse_all(&mut self) {
        self.registry.close(&self.id, &self.hang_ups);
        self.mailbox.close();
        while let Ok(request) = self.mailbox.try_recv() {
            request.refuse(Refusal::NotAvailable);
        }
    }
}

async fn forsake_all(owner: &mut Owner, tickets: Vec<Ticket>) -> Result<(), Lost> {
    for ticket in tickets {
        owner.forsake(ticket).await?;
    }
    Ok(())
}
