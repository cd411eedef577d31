//! What all routes work on.

use std::sync::Arc;

use axum::extract::State;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::metrics::MetricSource;

/// Reads of records at once: each may hold some tens of MiB of decompressed records. More wait.
const READS_AT_ONCE_MAX: usize = 16;
/// Scrapes at once: each may read the offsets of many groups. More wait.
const SCRAPES_AT_ONCE_MAX: usize = 1;

/// Probes of an object store that has failed, at once. More wait, and find that it is over.
const PROBES_AT_ONCE_MAX: usize = 1;

/// What all routes work on.
pub struct Service {
    /// What is served.
    pub agent: Arc<Agent>,
    /// Numbers of others.
    pub sources: Vec<Box<dyn MetricSource>>,
    /// Cancelled when the listener is to stop.
    pub stopping: CancellationToken,
    /// Room for reads of records.
    pub reads: Semaphore,
    /// Room for scrapes.
    pub scrapes: Semaphore,
    /// Room for probes of the object store.
    pub probes: Semaphore,
}

/// What handlers are handed.
pub type Shared = State<Arc<Service>>;

impl Service {
    pub fn new(agent: Arc<Agent>, sources: Vec<Box<dyn MetricSource>>, stopping: CancellationToken) -> Self {
        let (reads, scrapes) = (Semaphore::new(READS_AT_ONCE_MAX), Semaphore::new(SCRAPES_AT_ONCE_MAX));
        let probes = Semaphore::new(PROBES_AT_ONCE_MAX);
        Self { agent, sources, stopping, reads, scrapes, probes }
    }
}
