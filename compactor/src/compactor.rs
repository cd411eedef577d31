//! The compactor as it is handed around.

use std::sync::{Arc, Mutex};

use alluvium_metastore::Metastore;
use alluvium_metastore::nodes::Session;
use alluvium_model::limits;
use alluvium_objects::{Objects, RetryPolicy};
use alluvium_runtime::{Clock, Rng};
use tokio_util::sync::CancellationToken;

use crate::cleanup::Cleanup;
use crate::held_leases::HeldLeases;
use crate::plan::Policy;
use crate::retention::Retention;
use crate::rewrite::{Rewriter, Settings};
use crate::round::Parts;
use crate::survey::Survey;
use crate::sweep::Sweep;
use crate::{CompactorConfig, Counters, Report};

/// One compactor of any number that share the work: each does what rendezvous gives it among those that are live, under
/// leases, so that what another has begun is left to it. Clones share its memory.
#[derive(Clone)]
pub struct Compactor {
    parts: Arc<Parts>,
}

impl Compactor {
    /// A compactor over `metastore` and `objects`, which leases what it does for `session`.
    #[must_use]
    pub fn new(
        metastore: Metastore,
        objects: Objects,
        config: CompactorConfig,
        session: Session,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Self {
        // Nobody waits for a compactor, and giving up throws away its work.
        let objects = objects.with_retry(RetryPolicy::patient());
        let policy = Policy {
            bytes_min: config.compact_bytes_min,
            age_max: config.compact_age_max,
            file_bytes_target: config.file_bytes_target.max(1),
        };
        let settings = Settings {
            writer: u32::try_from(rng.next_u64() >> 32).unwrap_or(0),
            file_bytes_target: policy.file_bytes_target,
            retire_grace: config.retire_grace,
            output_age_max: limits::COMMIT_AGE_MAX,
        };
        let known = metastore.objects.clone();
        let leases = Arc::new(HeldLeases::new(metastore.leases.clone(), session, Arc::clone(&rng)));
        let parts = Parts {
            survey: Survey::new(metastore.topics.clone(), metastore.log.clone(), policy),
            rewriter: Rewriter {
                log: metastore.log.clone(),
                known: known.clone(),
                leases: Arc::clone(&leases),
                objects: objects.clone(),
                clock: Arc::clone(&clock),
                rng,
                settings,
            },
            retention: Retention::new(metastore.log.clone(), config.retire_grace),
            sweep: Sweep::new(known, objects.clone(), &config),
            cleanup: Cleanup::new(metastore, objects, config.clone()),
            leases,
            counters: Counters::default(),
            swept: Mutex::default(),
            config,
            clock,
        };
        Self { parts: Arc::new(parts) }
    }

    /// Running totals.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.parts.counters
    }

    /// Does everything there is to do now and returns when nothing is left but what others have claimed: all that is stable
    /// when it begins becomes history, what is due is removed, orphans are swept. What fails is in the report; the rest is
    /// done.
    pub async fn run_once(&self) -> Report {
        self.parts.do_everything().await
    }

    /// Works in the background, at this node's share, until cancelled: at once, even in the middle of a job, since a crash
    /// is harmless too.
    pub async fn run(&self, cancel: CancellationToken) {
        let rounds = async {
            loop {
                self.parts.do_what_is_due().await;
                tokio::time::sleep(self.parts.config.interval).await;
            }
        };
        cancel.run_until_cancelled(rounds).await;
    }
}
