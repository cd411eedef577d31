//! Putting an agent together from what it is handed.

use std::sync::Arc;

use alluvium_metastore::Metastore;
use alluvium_metastore::ambient::{Clock, Entropy};
use alluvium_metastore::nodes::Session;
use alluvium_objects::Objects;
use thiserror::Error;

use super::{AgentConfig, Tasks};
use crate::fetch::{self, CacheBytes, Fetch, FetchParts, RecentSegments};
use crate::groups::{Groups, GroupsConfig, GroupsParts};
use crate::metrics::{AgentCollector, Metrics};
use crate::peers::{Neighbours, PeerBlocks};
use crate::produce::{self, Produce, ProduceParts};
use crate::view::{View, ViewError};

/// What an agent is handed: the stores, its registration, time and chance, and where to run.
pub struct AgentParts {
    /// Metadata.
    pub metastore: Metastore,
    /// Bytes.
    pub objects: Objects,
    /// This process among the others: open, its heartbeats run by whoever opened it, who also ends it.
    pub session: Session,
    /// How other agents are asked for blocks.
    pub peers: Arc<dyn PeerBlocks>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Where its tasks run.
    pub tasks: Tasks,
}

/// One agent: every handler works on this.
pub struct Agent {
    /// How it behaves.
    pub config: AgentConfig,
    /// Metadata.
    pub metastore: Metastore,
    /// Bytes.
    pub objects: Objects,
    /// This process among the others.
    pub session: Session,
    /// The picture of topics and heads.
    pub view: View,
    /// The write path.
    pub produce: Produce,
    /// The read path.
    pub fetch: Fetch,
    /// The group coordinator.
    pub groups: Groups,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Numbers.
    pub metrics: Metrics,
    /// Its tasks; connections are spawned here as well.
    pub tasks: Tasks,
}

/// Why an agent did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Topics could not be read.
    #[error("reading the topics: {0}")]
    View(#[from] ViewError),
}

impl Agent {
    /// Reads the topics and starts the tasks.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn start(config: AgentConfig, parts: AgentParts) -> Result<Arc<Self>, StartError> {
        let AgentParts { metastore, objects, session, peers, clock, entropy, tasks } = parts;
        let metrics = Metrics::default();
        let view = View::open(metastore.clone(), config.retire_grace).await?;
        let recent = RecentSegments::new(CacheBytes::divide(config.cache_bytes).recent);
        let fetch = FetchParts {
            view: view.clone(),
            objects: objects.clone(),
            recent: recent.clone(),
            neighbours: Neighbours::new(session.clone(), peers, metrics.peers.clone()),
            metrics: metrics.clone(),
        };
        let fetch = fetch::start(&config, fetch);
        let produce = ProduceParts {
            log: metastore.log.clone(),
            producers: metastore.producers.clone(),
            objects: objects.clone(),
            view: view.clone(),
            recent,
            session: session.clone(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            metrics: metrics.clone(),
        };
        let produce = produce::start(&config, produce, &tasks);
        tasks.spawn("view", view.clone().run(tasks.cancelled()));
        let groups = GroupsParts {
            groups: metastore.groups.clone(),
            offsets: metastore.offsets.clone(),
            leases: metastore.leases.clone(),
            session: session.clone(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            tasks: tasks.clone(),
        };
        let groups = Groups::new(GroupsConfig::from(&config), groups);
        tasks.spawn("groups", groups.clone().follow(tasks.cancelled()));
        metrics.collect(Box::new(AgentCollector {
            objects: objects.clone(),
            gate: produce.gate().clone(),
            view: view.clone(),
            fetch: fetch.clone(),
            groups: groups.clone(),
        }));
        Ok(Arc::new(Self {
            config,
            metastore,
            objects,
            session,
            view,
            produce,
            fetch,
            groups,
            clock,
            entropy,
            metrics,
            tasks,
        }))
    }
}
