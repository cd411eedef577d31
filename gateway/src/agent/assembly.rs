//! Puts an agent together from the parts that it is handed.

use std::sync::Arc;

use alluvium_metastore::Metastore;
use alluvium_metastore::nodes::Session;
use alluvium_objects::Objects;
use alluvium_runtime::{Clock, Rng};
use thiserror::Error;

use crate::config::AgentConfig;
use crate::fetch::{self, CacheBytes, Fetch, FetchParts};
use crate::groups::{Groups, GroupsConfig, GroupsParts};
use crate::metadata_cache::{MetadataCache, MetadataCacheError};
use crate::metrics::Metrics;
use crate::peers::{PeerBlocks, PeerCache};
use crate::produce::{self, Produce, ProduceParts};
use crate::recent_segments::RecentSegments;
use alluvium_runtime::Tasks;

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
    /// This process's registration as a node, and what it knows of the others.
    pub session: Session,
    /// The cache of topics and heads.
    pub metadata_cache: MetadataCache,
    /// The write path.
    pub produce: Produce,
    /// The read path.
    pub fetch: Fetch,
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
    /// Reads the topics and starts the tasks.
    ///
    /// # Errors
    /// If the metastore does not answer.
    pub async fn start(config: AgentConfig, parts: AgentParts) -> Result<Arc<Self>, StartError> {
        let AgentParts { metastore, objects, session, peers, clock, rng, tasks } = parts;
        let metrics = Metrics::default();
        let metadata_cache = MetadataCache::open(metastore.clone(), config.retire_grace).await?;
        let recent = RecentSegments::new(CacheBytes::divide(config.cache_bytes).recent);
        let fetch = FetchParts {
            metadata_cache: metadata_cache.clone(),
            objects: objects.clone(),
            recent: recent.clone(),
            peer_cache: PeerCache::new(session.clone(), peers, metrics.peers.clone()),
            metrics: metrics.clone(),
        };
        let fetch = fetch::start(&config, fetch);
        let produce = ProduceParts {
            log: metastore.log.clone(),
            producers: metastore.producers.clone(),
            objects: objects.clone(),
            metadata_cache: metadata_cache.clone(),
            recent,
            session: session.clone(),
            clock: Arc::clone(&clock),
            rng: Arc::clone(&rng),
            metrics: metrics.clone(),
        };
        let produce = produce::start(&config, produce, &tasks);
        tasks.spawn("metadata_cache", metadata_cache.clone().run(tasks.cancelled()));
        let groups = GroupsParts {
            groups: metastore.groups.clone(),
            offsets: metastore.offsets.clone(),
            leases: metastore.leases.clone(),
            session: session.clone(),
            clock: Arc::clone(&clock),
            rng: Arc::clone(&rng),
            tasks: tasks.clone(),
        };
        let groups = Groups::new(GroupsConfig::from(&config), groups);
        tasks.spawn("groups", groups.clone().run_takeovers(tasks.cancelled()));
        Ok(Arc::new(Self {
            config,
            metastore,
            objects,
            session,
            metadata_cache,
            produce,
            fetch,
            groups,
            clock,
            rng,
            metrics,
            tasks,
        }))
    }
}
