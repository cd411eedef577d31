//! Putting an agent together from what it is handed, and taking it down.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::Metastore;
use alluvium_metastore::ambient::{Clock, Entropy};
use alluvium_objects::Objects;
use thiserror::Error;

use super::{AgentConfig, Tasks};
use crate::fetch::Fetch;
use crate::metrics::Metrics;
use crate::produce::Produce;
use crate::view::{View, ViewError};

/// What an agent is handed: the stores, time and chance, and where to run.
pub struct AgentParts {
    /// Metadata.
    pub metastore: Metastore,
    /// Bytes.
    pub objects: Objects,
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
    /// The picture of topics and heads.
    pub view: View,
    /// The write path.
    pub produce: Produce,
    /// The read path.
    pub fetch: Fetch,
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
        let _ = (config, parts);
        unimplemented!()
    }

    /// Flushes what is open, waits for what is in flight, and stops the tasks; at most `patience`. Whether all is done.
    pub async fn drain(&self, patience: Duration) -> bool {
        let _ = patience;
        unimplemented!()
    }
}
