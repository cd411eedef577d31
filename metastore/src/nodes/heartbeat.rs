//! The heartbeat: says that this process is alive, learns who else is, and removes those who are not.

use alluvium_model::node::{Claimant, Incarnation};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{BeatError, session::Session};

/// What a heartbeat was for.
enum Heard {
    /// It was taken; these stopped beating, each at its beat.
    Others(Vec<(Claimant, u64)>),
    /// Nothing more to say.
    Over,
}

impl Session {
    /// The heartbeat loop; to be spawned by whoever opened the session. Ends with `cancel`, with [`Self::leave`], and when
    /// another process has taken this one's id.
    pub async fn run(self, cancel: CancellationToken) {
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            () = self.beat_until_over() => {}
        }
    }

    async fn beat_until_over(&self) {
        if self.is_alone() {
            return;
        }
        loop {
            // A heartbeat that takes a whole expiry proves nothing any more: better begin another.
            match timeout(self.0.config.expiry, self.beat()).await {
                Ok(Ok(Heard::Others(expired))) => self.reap(expired).await,
                Ok(Ok(Heard::Over)) => return,
                Ok(Err(error)) => tracing::warn!(%error, "heartbeat failed"),
                Err(_) => tracing::warn!("heartbeat took too long"),
            }
            sleep(self.0.config.heartbeat_interval).await;
        }
    }

    /// Beats until one heartbeat was taken, or the session is over.
    pub(super) async fn beat_until_heard(&self) {
        while let Err(error) = self.beat().await {
            tracing::debug!(%error, "heartbeat failed");
            sleep(self.0.config.heartbeat_interval).await;
        }
    }

    async fn beat(&self) -> Result<Heard, BeatError> {
        let mut turn = self.0.turn.lock().await;
        if turn.is_over {
            return Ok(Heard::Over);
        }
        let (begun, node) = (Instant::now(), self.node());
        match self.0.nodes.beat(node.claimant(), node.state, self.0.clock.now()).await {
            Ok(rows) => {
                let observed = turn.observer.observe(&rows, self.0.origin.elapsed());
                self.update(|view| {
                    view.beaten = Some(begun);
                    view.show(observed.live)
                });
                Ok(Heard::Others(observed.expired))
            }
            // Only who insists on its id can be replaced: any other takes another id.
            Err(BeatError::Replaced) if self.0.new.id.is_some() => {
                turn.is_over = true;
                self.give_way();
                Ok(Heard::Over)
            }
            Err(BeatError::Gone | BeatError::Replaced) => self.register_again(&mut turn.is_over).await,
            Err(error @ BeatError::Metastore(_)) => Err(error),
        }
    }

    async fn register_again(&self, is_over: &mut bool) -> Result<Heard, BeatError> {
        let shared = &*self.0;
        // Its claims are gone with the registration, and so is the right to answer under them.
        let (begun, incarnation) = (Instant::now(), Incarnation(shared.entropy.next_u64()));
        match shared.nodes.register_again(&shared.new, incarnation, shared.clock.now()).await {
            Ok(node) => {
                tracing::warn!(node = %node.id, %incarnation, "registered again, for the registration was removed");
                self.update(|view| view.registered(node, begun));
                Ok(Heard::Others(Vec::new()))
            }
            Err(BeatError::Replaced) => {
                *is_over = true;
                self.give_way();
                Ok(Heard::Over)
            }
            Err(error) => Err(error),
        }
    }

    fn give_way(&self) {
        tracing::error!(node = %self.node().id, "another process has taken this node's id");
        self.end();
        self.0.replaced.cancel();
    }

    async fn reap(&self, expired: Vec<(Claimant, u64)>) {
        for (claimant, beat) in expired {
            match timeout(self.0.config.heartbeat_interval, self.0.nodes.reap(claimant, beat)).await {
                Ok(Ok(true)) => tracing::warn!(%claimant, "removed a node that was not heard of in time"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(%claimant, %error, "expired node could not be removed"),
                Err(_) => tracing::warn!(%claimant, "expired node could not be removed in time"),
            }
        }
    }
}
