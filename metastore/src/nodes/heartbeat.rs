//! The heartbeat: says that this process is alive, learns who else is, and removes those who are not.

use alluvium_model::node::{Incarnation, LeaseOwner};
use futures::future::{join, join_all};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    BeatError,
    session::{Session, Turn},
};

/// What a heartbeat was for.
enum Heard {
    /// It was taken; these stopped beating, each at its beat.
    Others(Vec<(LeaseOwner, u64)>),
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
            let expired = match timeout(self.0.config.expiry, self.beat()).await {
                Ok(Ok(Heard::Others(expired))) => expired,
                Ok(Ok(Heard::Over)) => return,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "heartbeat failed");
                    Vec::new()
                }
                Err(_) => {
                    tracing::warn!("heartbeat took too long");
                    Vec::new()
                }
            };
            // Together, and soon given up: this node must itself be heard in time.
            let reaping = timeout(self.0.config.expiry / 4, self.reap(expired));
            if join(sleep(self.0.config.heartbeat_interval), reaping).await.1.is_err() {
                tracing::warn!("expired nodes could not be removed in time");
            }
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
        if self.is_over() {
            return Ok(Heard::Over);
        }
        let (begun, node) = (Instant::now(), self.node());
        match self.0.nodes.beat_and_read(node.lease_owner(), node.state, self.0.clock.now()).await {
            Ok(rows) => {
                let observed = turn.observer.observe(&rows.nodes, &rows.replaced, self.0.origin.elapsed());
                self.update(|view| view.heard(begun, observed.live));
                Ok(Heard::Others(observed.expired))
            }
            // Only who insists on its id can be replaced: any other takes another id.
            Err(BeatError::Replaced) if self.0.new.id.is_some() => {
                self.give_way();
                // From now on what it has claimed is free. Where this fails it becomes so in an expiry.
                self.0.nodes.leave(node.lease_owner()).await?;
                Ok(Heard::Over)
            }
            Err(BeatError::Gone | BeatError::Replaced) => {
                // What it claimed is free, or may become so at any time.
                self.update(|view| view.beaten.take().is_some());
                self.register_again(&mut turn).await
            }
            Err(error @ BeatError::Metastore(_)) => Err(error),
        }
    }

    async fn register_again(&self, turn: &mut Turn) -> Result<Heard, BeatError> {
        let shared = &*self.0;
        let begin = || (Incarnation(shared.rng.next_u64()), Instant::now());
        let (incarnation, begun) = *turn.again.get_or_insert_with(begin);
        let old = self.node().id;
        match shared.nodes.register_again(&shared.new, old, incarnation, shared.clock.now()).await {
            Ok(node) => {
                turn.again = None;
                tracing::warn!(node = %node.id, %incarnation, "registered again, for the registration was removed");
                self.update(|view| view.registered(node, begun));
                Ok(Heard::Others(Vec::new()))
            }
            Err(BeatError::Replaced) => {
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

    async fn reap(&self, expired: Vec<(LeaseOwner, u64)>) {
        let reap = |(lease_owner, beat)| async move {
            match self.0.nodes.reap(lease_owner, beat).await {
                Ok(true) => tracing::warn!(%lease_owner, "removed a node that was not heard of in time"),
                Ok(false) => {}
                Err(error) => tracing::warn!(%lease_owner, %error, "expired node could not be removed"),
            }
        };
        join_all(expired.into_iter().map(reap)).await;
    }
}
