//! Watches whether this agent can use the bucket, and says so: to the other agents by its registration, to probes of
//! its readiness by a reason.
//!
//! Owns: when the bucket is probed, and what follows from the probes. Does not own: when an agent is degraded
//! (`alluvium_model::node`), who is advertised in its place ([`LiveAgents`]). Invariants: while requests are answered
//! nothing is probed; while no other agent is fit nothing is refused, so that an outage of the bucket is retried as
//! ever.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alluvium_metastore::nodes::Session;
use alluvium_model::node::DegradationDetector;
use alluvium_model::{ObjectId, object_key};
use alluvium_objects::Objects;
use alluvium_runtime::{Clock, Rng};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::live_agents::LiveAgents;

/// Requests to the bucket that have waited or failed for this long, without any being answered, let it be probed. A PUT
/// of a whole segment to S3 usually takes 100 to 500 ms.
const PROBE_AFTER: Duration = Duration::from_millis(1_500);
/// Timeout of each request of a probe, which moves a few bytes.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Watches the bucket. Clones share what it has found.
#[derive(Clone)]
pub struct BucketWatch {
    objects: Objects,
    session: Session,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    /// Why this agent is degraded; `None` if it is not.
    degraded_reason: Arc<Mutex<Option<String>>>,
}

impl BucketWatch {
    /// A watch of `objects` for the node of `session`. Keys of probes are made of times of `clock` and numbers of
    /// `rng`.
    #[must_use]
    pub fn new(objects: Objects, session: Session, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { objects, session, clock, rng, degraded_reason: Arc::default() }
    }

    /// Why this agent is degraded; `None` if it is not.
    #[must_use]
    pub fn degraded_reason(&self) -> Option<String> {
        self.degraded_reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Watches until `cancel`. To be run once, in the background.
    pub async fn run(self, cancel: CancellationToken) {
        let watch = async { tokio::join!(self.probe(), self.suspend()) };
        let _ = cancel.run_until_cancelled(watch).await;
    }

    /// Probes the bucket while it does not answer, and notes when this agent becomes degraded and when it recovers.
    async fn probe(&self) {
        let (mut detector, prober, origin) =
            (DegradationDetector::default(), self.objects.prober(PROBE_TIMEOUT), Instant::now());
        loop {
            sleep(detector.probe_pause()).await;
            let was_degraded = detector.is_degraded();
            let is_silent = self.objects.unanswered_for().is_some_and(|unanswered| unanswered >= PROBE_AFTER);
            if !was_degraded && !is_silent {
                detector.answered(origin.elapsed());
                continue;
            }
            let started = origin.elapsed();
            let error = prober.probe(self.probe_key()).await.err();
            match &error {
                None => detector.answered(origin.elapsed()),
                Some(_) => detector.failed(started, origin.elapsed()),
            }
            let reason = error.map(|error| format!("degraded: the object store cannot be used: {error}"));
            self.note(was_degraded, detector.is_degraded(), reason).await;
        }
    }

    /// The key of a segment that nobody will commit: if it is left behind, it is deleted as an orphan.
    fn probe_key(&self) -> String {
        let writer = self.session.node().id.0.unsigned_abs();
        object_key::segment(ObjectId::new(self.clock.now(), writer, self.rng.next_u64()))
    }

    async fn note(&self, was_degraded: bool, is_degraded: bool, reason: Option<String>) {
        let reason = is_degraded.then(|| {
            let recovering = || "degraded: the object store answers again, and has to for a while".to_owned();
            reason.unwrap_or_else(recovering)
        });
        if was_degraded != is_degraded {
            match &reason {
                Some(reason) => tracing::warn!(reason, "clients are sent to other agents, if there are any"),
                None => tracing::info!("the object store can be used again; clients are sent here again"),
            }
        }
        *self.degraded_reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        if was_degraded != is_degraded {
            self.session.set_degraded(is_degraded).await;
        }
    }

    /// Lets requests to the bucket fail at once while this agent is degraded and others are advertised: clients would
    /// wait for them, and turn to the others after an error only.
    async fn suspend(&self) {
        let mut changes = self.session.changes();
        loop {
            changes.mark_unchanged();
            self.objects.suspend(LiveAgents::of(&self.session).replace_degraded());
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}
