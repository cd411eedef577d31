//! Producer ids for `InitProducerId`, taken from the metastore in blocks: all agents share one counter there, and a
//! transaction for each id would make thousands of producers that start at once wait for each other, until some fail.
//!
//! Invariants: no id is given twice; one refill is in flight at most, and those who wait for it share its failure; an
//! id is given soon after it was allocated, so that the time in it tells how old its producer is.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alluvium_metastore::Error;
use alluvium_metastore::producers::Producers;
use alluvium_model::{ProducerId, Timestamp};
use alluvium_runtime::Clock;
use tokio::sync::Mutex;

/// Ids taken at once (Kafka's controller gives blocks of the same size): a refill is rare, and an agent that ends loses
/// few.
const BLOCK_IDS: u32 = 1_000;
/// Age at which what is left of a block is dropped. A producer's id should be no older than the producer: only in
/// partitions older than its id is it known to begin at 0.
const BLOCK_AGE_MAX: Duration = Duration::from_secs(10);

/// The producer ids of one agent.
pub struct ProducerIds {
    producers: Producers,
    clock: Arc<dyn Clock>,
    block: Mutex<Block>,
    failed_refills: AtomicU64,
}

/// What is left of a block, and how the last refill failed if it did.
#[derive(Debug, Default)]
struct Block {
    left: Option<Range<ProducerId>>,
    failure: Option<Error>,
}

impl ProducerIds {
    /// No ids yet: the first call of [`Self::next`] takes a block.
    #[must_use]
    pub fn new(producers: Producers, clock: Arc<dyn Clock>) -> Self {
        Self { producers, clock, block: Mutex::default(), failed_refills: AtomicU64::new(0) }
    }

    /// An id that nobody else has.
    ///
    /// # Errors
    /// If a block is needed and the metastore does not give one.
    pub async fn next(&self) -> Result<ProducerId, Error> {
        let failed_before = self.failed_refills.load(Ordering::Acquire);
        let mut block = self.block.lock().await;
        if let Some(id) = block.take(self.clock.now()) {
            return Ok(id);
        }
        // A refill that failed while this call waited for it has failed for it, too: it must not try one by one, each
        // after the timeout of the one before.
        if self.failed_refills.load(Ordering::Acquire) != failed_before
            && let Some(error) = &block.failure
        {
            return Err(error.clone());
        }
        match self.producers.allocate(BLOCK_IDS, self.clock.now()).await {
            Ok(ids) => {
                let first = ids.start;
                *block = Block { left: Some(ProducerId(first.0 + 1)..ids.end), failure: None };
                Ok(first)
            }
            Err(error) => {
                block.failure = Some(error.clone());
                self.failed_refills.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }
}

impl Block {
    /// The next id, unless none is left or they are too old.
    fn take(&mut self, now: Timestamp) -> Option<ProducerId> {
        let is_young = |ids: &&mut Range<ProducerId>| {
            ids.start.allocated().is_some_and(|allocated| now <= allocated.plus(BLOCK_AGE_MAX))
        };
        let left = self.left.as_mut().filter(is_young).filter(|ids| ids.start < ids.end)?;
        let id = left.start;
        left.start = ProducerId(id.0 + 1);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn a_block_gives_each_id_once_and_none_that_is_old() {
        let first = ProducerId::first_at(NOW);
        let block = || Block { left: Some(first..ProducerId(first.0 + 2)), failure: None };
        let mut young = block();
        assert_eq!([NOW; 3].map(|now| young.take(now)), [Some(first), Some(ProducerId(first.0 + 1)), None]);
        assert_eq!(block().take(NOW.plus(BLOCK_AGE_MAX)), Some(first));
        assert_eq!(block().take(NOW.plus(BLOCK_AGE_MAX).plus_ms(1_000)), None);
        assert_eq!(Block::default().take(NOW), None);
    }
}
