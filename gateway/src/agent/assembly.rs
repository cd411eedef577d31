//! Puts an agent together from the parts that it is handed.

use std::sync::Arc;

use alluvium_metastore::Metastore;
use alluvium_metastore::nodes::Session;
use alluvium_model::limits::FETCH_SESSION_BYTES_MAX;
use alluvium_objects::Objects;
use alluvium_runtime::{Clock, Rng, Tasks};
use futures::future::BoxFuture;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::bucket_watch::BucketWatch;
use crate::config::AgentConfig;
use crate::fetch::{self, CacheBytes, Fetch, FetchParts};
use crate::groups::{Groups, GroupsConfig, GroupsParts};
use crate::memory::MemoryBudget;
use crate::metadata_cache::{MetadataCache, MetadataCacheError};
use crate::metrics::Metrics;
use crate::pause_watch::PauseWatch;
use crate::peers::{PeerBlocks, PeerCache, PeerWatch};
use crate::produce::{self, Produce, ProduceParts, ProducerIds, throttle};
use crate::recent_segments::RecentSegments;
use crate::transactions::{Transactions, TransactionsParts};

/// What an agent is handed: the stores, its registration, the clock, random numbers, and where its tasks run.
pub struct AgentParts {
    /// The metastore.
    pub metastore: Metastore,
    /// The object store.
    pub objects: Objects,
    /// This process's registration as a node. Its owner runs the heartbeats and ends it.
    pub session: Session,
    /// Requests blocks from other agents.
    pub peers: Arc<dyn PeerBlocks>,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub rng: Arc<dyn Rng>,
    /// Runs its tasks.
    pub tasks: Tasks,
}

/// One agent; every handler works on this.
pub struct Agent {
    /// How it behaves.
    pub config: AgentConfig,
    /// The metastore.
    pub metastore: Metastore,
    /// The object store.
    pub objects: Objects,
    /// Whether the object store can be used.
    pub bucket_watch: BucketWatch,
    /// Whether the process has stood still.
    pub pause_watch: PauseWatch,
    /// This process's registration as a node, and its list of the other nodes.
    pub session: Session,
    /// The cache of topics and heads.
    pub metadata_cache: MetadataCache,
    /// The write path.
    pub produce: Produce,
    /// Ids for new idempotent producers.
    pub producer_ids: Arc<ProducerIds>,
    /// Transactions.
    pub transactions: Transactions,
    /// The read path.
    pub fetch: Fetch,
    /// The memory of answers.
    pub memory: MemoryBudget,
    /// The memory of all connections' fetch sessions, one permit for each byte.
    pub fetch_session_memory: Arc<Semaphore>,
    /// The group coordinator.
    pub groups: Groups,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub rng: Arc<dyn Rng>,
    /// What is counted as it happens.
    pub metrics: Metrics,
    /// Its tasks, those of connections included.
    pub tasks: Tasks,
}

/// Why an agent did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The topics could not be read.
    #[error("reading the topics: {0}")]
    MetadataCache(#[from] MetadataCacheError),
}

impl Agent {
    /// Reads the topics and starts the tasks. The future is boxed so that it is compiled in this crate and not again in
    /// each crate that awaits it.
    ///
    /// # Errors
    /// If the metastore does not answer.
    pub fn start(config: AgentConfig, parts: AgentParts) -> BoxFuture<'static, Result<Arc<Self>, StartError>> {
        Box::pin(async move {
            let metadata_cache = MetadataCache::open(parts.metastore.clone(), config.retire_grace).await?;
            Ok(Arc::new(Self::assemble(config, parts, metadata_cache)))
        })
    }

    fn assemble(config: AgentConfig, parts: AgentParts, metadata_cache: MetadataCache) -> Self {
        let metrics = Metrics::default();
        let recent = RecentSegments::new(CacheBytes::divide(config.cache_bytes).recent);
        let memory = MemoryBudget::new(config.answer_bytes_max);
        let fetch = FetchParts {
            metadata_cache: metadata_cache.clone(),
            objects: parts.objects.clone(),
            recent: recent.clone(),
            peer_cache: PeerCache::new(parts.session.clone(), Arc::clone(&parts.peers), metrics.peers.clone()),
            memory: memory.clone(),
            metrics: metrics.clone(),
        };
        let fetch = fetch::start(&config, fetch);
        let produce = start_produce(&config, &parts, metadata_cache.clone(), recent, metrics.clone());
        let cancelled = parts.tasks.cancelled();
        parts.tasks.spawn("metadata_cache", metadata_cache.clone().run(cancelled));
        let groups = start_groups(&config, &parts);
        let bucket_watch = start_watches(&parts);
        let pause_watch = PauseWatch::new(Arc::clone(&parts.clock), metrics.pauses.clone());
        parts.tasks.spawn("pause_watch", pause_watch.clone().run(parts.tasks.cancelled()));
        let producer_ids = Arc::new(ProducerIds::new(parts.metastore.producers.clone(), Arc::clone(&parts.clock)));
        let transactions = start_transactions(&parts, &metadata_cache, &producer_ids, &metrics);
        let AgentParts { metastore, objects, session, clock, rng, tasks, .. } = parts;
        Self {
            config,
            metastore,
            objects,
            bucket_watch,
            pause_watch,
            session,
            metadata_cache,
            produce,
            fetch,
            memory,
            producer_ids,
            transactions,
            fetch_session_memory: Arc::new(Semaphore::new(FETCH_SESSION_BYTES_MAX)),
            groups,
            clock,
            rng,
            metrics,
            tasks,
        }
    }
}

fn start_produce(
    config: &AgentConfig,
    parts: &AgentParts,
    metadata_cache: MetadataCache,
    recent: RecentSegments,
    metrics: Metrics,
) -> Produce {
    let produce = ProduceParts {
        log: parts.metastore.log.clone(),
        producers: parts.metastore.producers.clone(),
        objects: parts.objects.clone(),
        metadata_cache,
        recent,
        session: parts.session.clone(),
        clock: Arc::clone(&parts.clock),
        rng: Arc::clone(&parts.rng),
        metrics,
    };
    let produce = produce::start(config, produce, &parts.tasks);
    let (limit, session, delay_max) =
        (produce.rate_limit().clone(), parts.session.clone(), config.compaction_delay_max);
    parts.tasks.spawn("throttle", throttle::run(limit, session, delay_max, parts.tasks.cancelled()));
    produce
}

fn start_transactions(
    parts: &AgentParts,
    metadata_cache: &MetadataCache,
    producer_ids: &Arc<ProducerIds>,
    metrics: &Metrics,
) -> Transactions {
    let transactions = TransactionsParts {
        transactions: parts.metastore.transactions.clone(),
        producer_ids: Arc::clone(producer_ids),
        metadata_cache: metadata_cache.clone(),
        clock: Arc::clone(&parts.clock),
        metrics: metrics.clone(),
    };
    Transactions::start(transactions, &parts.tasks)
}

fn start_watches(parts: &AgentParts) -> BucketWatch {
    let AgentParts { objects, session, peers, clock, rng, tasks, .. } = parts;
    let bucket_watch = BucketWatch::new(objects.clone(), session.clone(), Arc::clone(clock), Arc::clone(rng));
    tasks.spawn("bucket_watch", bucket_watch.clone().run(tasks.cancelled()));
    let peer_watch = PeerWatch::new(session.clone(), Arc::clone(peers));
    tasks.spawn("peer_watch", peer_watch.run(tasks.cancelled()));
    bucket_watch
}

fn start_groups(config: &AgentConfig, parts: &AgentParts) -> Groups {
    let groups = GroupsParts {
        groups: parts.metastore.groups.clone(),
        offsets: parts.metastore.offsets.clone(),
        transactions: parts.metastore.transactions.clone(),
        leases: parts.metastore.leases.clone(),
        session: parts.session.clone(),
        clock: Arc::clone(&parts.clock),
        rng: Arc::clone(&parts.rng),
        tasks: parts.tasks.clone(),
    };
    let groups = Groups::new(GroupsConfig::from(config), groups);
    parts.tasks.spawn("groups", groups.clone().run_takeovers(parts.tasks.cancelled()));
    groups
}
