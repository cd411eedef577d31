//! The handle of a compactor: puts its parts together and runs rounds.

use std::sync::{Arc, Mutex};

use alluvium_metastore::Metastore;
use alluvium_metastore::nodes::Session;
use alluvium_model::limits;
use alluvium_objects::{Objects, RetryPolicy};
use alluvium_runtime::{Clock, Rng};
use tokio_util::sync::CancellationToken;

use crate::cleanup::Cleanup;
use crate::held_leases::HeldLeases;
use crate::orphan_sweep::OrphanSweep;
use crate::plan::Policy;
use crate::retention::Retention;
use crate::rewrite::{RewriteSettings, Rewriter};
use crate::round::Rounds;
use crate::scan::Scan;
use crate::{CompactorConfig, Counters, Report};

/// One of any number of compactors that share the work: rendezvous hashing among the live ones assigns each its part,
/// and leases keep two of them from doing the same job. Clones share their state.
#[derive(Clone)]
pub struct Compactor {
    rounds: Arc<Rounds>,
}

impl Compactor {
    /// A compactor over `metastore` and `objects` that acquires its leases for `session`.
    #[must_use]
    pub fn new(
        metastore: Metastore,
        objects: Objects,
        config: CompactorConfig,
        session: Session,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Self {
        // The one place that sets the retry policy of compaction: no client waits for it, and giving up discards its
        // work.
        let objects = objects.with_retry(RetryPolicy::background());
        let (policy, rewrite_settings) = (policy(&config), rewrite_settings(&config, &*rng));
        let known = metastore.objects.clone();
        let leases = Arc::new(HeldLeases::new(metastore.leases.clone(), session, Arc::clone(&rng)));
        let rewriter = Rewriter {
            log: metastore.log.clone(),
            known: known.clone(),
            leases: Arc::clone(&leases),
            objects: objects.clone(),
            clock: Arc::clone(&clock),
            rng,
            settings: rewrite_settings,
        };
        let rounds = Rounds {
            scan: Scan::new(metastore.topics.clone(), metastore.log.clone(), policy),
            rewriter,
            retention: Retention::new(metastore.log.clone()),
            orphan_sweep: OrphanSweep::new(known, objects.clone(), &config),
            cleanup: Cleanup::new(metastore, objects, config.clone()),
            leases,
            counters: Counters::default(),
            last_sweep: Mutex::default(),
            config,
            clock,
        };
        Self { rounds: Arc::new(rounds) }
    }

    /// Totals since the start, and the current lag.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.rounds.counters
    }

    /// Does all work there is, except what other compactors hold leases on, and returns: everything that is stable at
    /// the start becomes history, everything due is removed, orphans are swept. Failures are listed in the report and
    /// do not stop the rest.
    pub async fn run_once(&self) -> Report {
        self.rounds.run_all().await
    }

    /// Does this node's assigned work in the background until `cancel`, which stops it at once, even in the middle of a
    /// job: that is as harmless as a crash.
    pub async fn run(&self, cancel: CancellationToken) {
        let rounds = async {
            loop {
                self.rounds.run_background().await;
                tokio::time::sleep(self.rounds.config.interval).await;
            }
        };
        cancel.run_until_cancelled(rounds).await;
    }
}

/// What is compacted, and when.
fn policy(config: &CompactorConfig) -> Policy {
    Policy {
        bytes_min: config.compact_bytes_min,
        age_max: config.compact_age_max,
        file_bytes_target: config.file_bytes_target.max(1),
    }
}

/// The settings of rewrites, with a random writer id for the names of this process's files.
fn rewrite_settings(config: &CompactorConfig, rng: &dyn Rng) -> RewriteSettings {
    RewriteSettings {
        writer: u32::try_from(rng.next_u64() >> 32).unwrap_or(0),
        file_bytes_target: config.file_bytes_target.max(1),
        retire_grace: config.retire_grace,
        output_age_max: limits::COMMIT_AGE_MAX,
    }
}
