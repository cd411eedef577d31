//! The rounds: what is done, in which order, how often.

use std::sync::Arc;

use alluvium_metastore::Metastore;
use alluvium_metastore::ambient::{Clock, Entropy};
use alluvium_objects::Objects;
use tokio_util::sync::CancellationToken;

use crate::{CompactorConfig, Counters, Report};

/// One compactor. Several at once are safe (a swap verifies its inputs), if wasteful.
#[derive(Clone)]
pub struct Compactor {}

impl Compactor {
    /// A compactor over `metastore` and `objects`.
    #[must_use]
    pub fn new(
        _metastore: Metastore,
        _objects: Objects,
        _config: CompactorConfig,
        _clock: Arc<dyn Clock>,
        _entropy: Arc<dyn Entropy>,
    ) -> Self {
        unimplemented!()
    }

    /// Running totals.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        unimplemented!()
    }

    /// Does everything there is to do now and returns when nothing is left: all stable level-0 extents become history.
    pub async fn run_once(&self) -> Report {
        unimplemented!()
    }

    /// Works in the background until cancelled.
    pub async fn run(&self, _cancel: CancellationToken) {
        unimplemented!()
    }
}
