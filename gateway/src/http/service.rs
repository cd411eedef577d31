//! The state that all routes share.

use std::sync::Arc;

use axum::extract::State;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::metrics::MetricSource;

/// Scrapes at once; each may read the offsets of many groups. Further ones wait.
const SCRAPES_AT_ONCE_MAX: usize = 1;

/// Counts of the metastore's rows at once; each reads all of them. Further ones wait.
const ROW_COUNTS_AT_ONCE_MAX: usize = 1;
/// Probes at once of an object store that has failed. Further ones wait, and use what the first finds out.
const PROBES_AT_ONCE_MAX: usize = 1;

/// The state that all routes share.
pub struct Service {
    /// The agent that is served.
    pub agent: Arc<Agent>,
    /// Metrics of parts that the agent does not know.
    pub sources: Vec<Box<dyn MetricSource>>,
    /// Cancelled when the listener is to stop.
    pub stopping: CancellationToken,
    /// Permits for scrapes.
    pub scrapes: Semaphore,
    /// Permits for probes of the object store.
    pub probes: Semaphore,
    /// Permits for counts of the metastore's rows.
    pub row_counts: Semaphore,
}

/// The argument by which a handler gets the [`Service`].
pub type ServiceState = State<Arc<Service>>;

impl Service {
    /// The state for `agent`, with all permits free.
    pub fn new(agent: Arc<Agent>, sources: Vec<Box<dyn MetricSource>>, stopping: CancellationToken) -> Self {
        let scrapes = Semaphore::new(SCRAPES_AT_ONCE_MAX);
        let probes = Semaphore::new(PROBES_AT_ONCE_MAX);
        let row_counts = Semaphore::new(ROW_COUNTS_AT_ONCE_MAX);
        Self { agent, sources, stopping, scrapes, probes, row_counts }
    }
}
