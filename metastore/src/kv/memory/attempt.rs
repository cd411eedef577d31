//! An attempt with injected faults.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::fault_rng::{CommitFault, FaultRng};
use crate::kv::{Attempt, Error, Isolation, Mutation, Range, Watch};

pub(super) struct FaultyAttempt {
    attempt: Arc<dyn Attempt>,
    faults: Arc<FaultRng>,
    has_writes: AtomicBool,
    /// Reads so far.
    reads: AtomicU32,
}

impl FaultyAttempt {
    /// `attempt` with the faults that `faults` draws.
    pub fn new(attempt: Arc<dyn Attempt>, faults: Arc<FaultRng>) -> Self {
        Self { attempt, faults, has_writes: AtomicBool::new(false), reads: AtomicU32::new(0) }
    }
}

#[async_trait]
impl Attempt for FaultyAttempt {
    async fn get(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        self.faults.before_read(self.reads.fetch_add(1, Ordering::AcqRel)).await?;
        self.attempt.get(key, isolation).await
    }

    async fn range(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.faults.before_read(self.reads.fetch_add(1, Ordering::AcqRel)).await?;
        self.attempt.range(query).await
    }

    async fn read_version(&self) -> Result<u64, Error> {
        self.attempt.read_version().await
    }

    fn write(&self, mutation: Mutation) {
        self.has_writes.store(true, Ordering::Release);
        self.attempt.write(mutation);
    }

    fn watch(&self, key: &[u8]) -> Watch {
        let (watch, faults) = (self.attempt.watch(key), self.faults.clone());
        Watch::new(async move {
            let fired = watch.await;
            faults.network_delay().await;
            // A process that is cut off hears of no change, however long that lasts.
            while !faults.reach_store().await {}
            fired
        })
    }

    async fn commit(&self) -> Result<(), Error> {
        if !self.has_writes.load(Ordering::Acquire) {
            return self.attempt.commit().await;
        }
        let fault = self.faults.commit_fault();
        let (attempt, faults) = (self.attempt.clone(), self.faults.clone());
        if faults.is_instant() {
            commit_at_store(&*attempt, &faults, fault).await
        } else {
            // A commit that was sent is done even if its sender is gone by then.
            tokio::spawn(async move { commit_with_delay(&*attempt, &faults, fault).await })
                .await
                .unwrap_or(Err(Error::UnknownResult))
        }
    }
}

/// A commit with its latency, to the store and back.
async fn commit_with_delay(attempt: &dyn Attempt, faults: &FaultRng, fault: CommitFault) -> Result<(), Error> {
    faults.network_delay().await;
    let outcome = commit_at_store(attempt, faults, fault).await;
    faults.network_delay().await;
    // If the store is out of reach now, the commit is done but its answer is lost.
    if faults.reach_store().await { outcome } else { Err(Error::UnknownResult) }
}

/// The commit as it reaches the store.
async fn commit_at_store(attempt: &dyn Attempt, faults: &FaultRng, fault: CommitFault) -> Result<(), Error> {
    if !faults.reach_store().await {
        return Err(Error::UnknownResult);
    }
    match fault {
        CommitFault::None => attempt.commit().await,
        CommitFault::Lost => Ok(()),
        CommitFault::Conflict => Err(Error::Conflict),
        CommitFault::UnknownNotCommitted => Err(Error::UnknownResult),
        CommitFault::UnknownButCommitted => {
            attempt.commit().await?;
            Err(Error::UnknownResult)
        }
    }
}
