//! Turns waiting commits into one durable batch.
//!
//! Invariants: one committer, so commits are judged one after the other; an answer "committed" follows the fsync and the
//! publication; after any failure of the store nothing is judged before the store was recovered and read again.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use super::{
    ApplyError, Batch, Snapshot, Storage, Version, engine::Shared, overlay::Overlay, read_set::ReadSet,
    watches::PendingWatch, window::Window,
};
use crate::kv::{Error, Metrics, Mutation};

/// A batch that took longer than this is worth a line in the log: the disk is what everyone waits for.
const SLOW_BATCH: Duration = Duration::from_secs(1);

/// An attempt that wants to be committed. One without mutations only asks that the store be usable.
pub(super) struct Submission {
    /// Of the attempt's snapshot, if it read anything that it must find unchanged.
    pub read_at: Option<Version>,
    pub reads: ReadSet,
    pub mutations: Vec<Mutation>,
    pub bytes: usize,
    pub watches: Vec<PendingWatch>,
    pub answer: oneshot::Sender<Result<(), Error>>,
}

impl Submission {
    pub fn answer(self, result: Result<(), Error>) {
        // Whoever asked is gone: nothing to tell.
        let _ = self.answer.send(result);
    }
}

pub(super) struct Committer<S: Storage> {
    /// `None` once closed.
    storage: Option<S>,
    window: Window,
    /// The last version that was tried.
    version: Version,
    /// Whether the store failed, or a commit did not run to its end, since it was last read.
    suspect: bool,
}

impl<S: Storage> Committer<S> {
    pub fn new(storage: S, version: Version) -> Self {
        Self { storage: Some(storage), window: Window::new(version), version, suspect: false }
    }

    pub fn close(&mut self) -> Option<S> {
        self.storage.take()
    }

    /// Judges `waiting` in their order, makes those that pass durable together, and answers all.
    pub fn commit(&mut self, shared: &Shared<S>, waiting: Vec<Submission>) {
        let base = match self.usable(shared) {
            Ok(base) => base,
            Err(error) => return waiting.into_iter().for_each(|submission| submission.answer(Err(error.clone()))),
        };
        self.suspect = true;
        let version = self.version.max(base.version()).next();
        let (written, passed) = self.judge(version, waiting);
        if written.is_empty() {
            self.suspect = false;
            return passed.into_iter().for_each(|submission| shared.committed(submission));
        }
        self.version = version;
        let result = batch(version, &written, &*base).map_err(ApplyError::not_applied).and_then(|batch| {
            self.apply(shared, &batch)?;
            Ok(batch)
        });
        match result {
            Ok(batch) => {
                self.window.record(version, Instant::now(), &written);
                self.suspect = !publish(shared, self.storage.as_mut());
                shared.watches.fire(&batch);
                passed.into_iter().for_each(|submission| shared.committed(submission));
            }
            Err(failure) => self.fail(shared, failure, passed),
        }
    }

    /// The published snapshot, of a store that is known to work; recovers it first where it is suspect.
    fn usable(&mut self, shared: &Shared<S>) -> Result<Arc<S::Snapshot>, Error> {
        let Some(storage) = self.storage.as_mut() else { return Err(Error::Closed) };
        if shared.take_suspicion() || self.suspect {
            self.suspect = true;
            storage.recover()?;
            if !publish(shared, Some(storage)) {
                return shared.published();
            }
            let base = shared.published()?;
            self.window = Window::new(base.version());
            self.suspect = false;
            tracing::warn!(version = base.version().0, "metastore storage recovered");
        }
        shared.published()
    }

    /// Answers those that conflict or are too old; the others' writes, summed up, in the order of their stamps.
    fn judge(&self, version: Version, waiting: Vec<Submission>) -> (Overlay, Vec<Submission>) {
        let mut written = Overlay::default();
        let mut passed = Vec::with_capacity(waiting.len());
        let mut order = 0;
        for mut submission in waiting {
            match self.check(&submission, &written) {
                Ok(()) => {
                    for mutation in std::mem::take(&mut submission.mutations) {
                        written.apply(mutation, &version.stamp(order));
                    }
                    order += 1;
                    passed.push(submission);
                }
                Err(error) => submission.answer(Err(error)),
            }
        }
        (written, passed)
    }

    fn check(&self, submission: &Submission, written: &Overlay) -> Result<(), Error> {
        let Some(read_at) = submission.read_at else { return Ok(()) };
        self.window.check(&submission.reads, read_at)?;
        let conflicts =
            submission.reads.any(|key| written.touches(key), |begin, end| written.touches_range(begin, end));
        if conflicts { Err(Error::Conflict) } else { Ok(()) }
    }

    fn apply(&mut self, shared: &Shared<S>, batch: &Batch) -> Result<(), ApplyError> {
        let Some(storage) = self.storage.as_mut() else { return Err(ApplyError::NotApplied("closed".into())) };
        let started = Instant::now();
        let result = storage.apply(batch);
        let took = started.elapsed();
        if took > SLOW_BATCH {
            tracing::warn!(?took, rows = batch.rows.len(), "slow metastore commit");
        }
        Metrics::count(&shared.metrics.batches, 1);
        result
    }

    fn fail(&self, shared: &Shared<S>, failure: ApplyError, passed: Vec<Submission>) {
        let error = match failure {
            ApplyError::NotApplied(reason) => Error::Storage(reason),
            ApplyError::Unknown(reason) => {
                tracing::error!(reason, "metastore commit with an unknown result");
                // Nobody may act on the old snapshot, which the store may be past.
                shared.publish(Err(Error::Storage(reason)));
                Error::UnknownResult
            }
        };
        passed.into_iter().for_each(|submission| submission.answer(Err(error.clone())));
    }
}

impl ApplyError {
    fn not_applied(error: Error) -> Self {
        match error {
            Error::Storage(reason) => Self::NotApplied(reason),
            other => Self::NotApplied(other.to_string()),
        }
    }
}

/// Publishes what the store holds now; whether it could be read.
fn publish<S: Storage>(shared: &Shared<S>, storage: Option<&mut S>) -> bool {
    let snapshot = storage.map_or(Err(Error::Closed), Storage::snapshot);
    let is_readable = snapshot.is_ok();
    shared.publish(snapshot.map(Arc::new));
    is_readable
}

/// `written` as plain rows over `base`.
fn batch(version: Version, written: &Overlay, base: &impl Snapshot) -> Result<Batch, Error> {
    let mut batch = Batch { version, ..Batch::default() };
    batch.cleared.extend(written.cleared().map(|(begin, end)| (begin.clone(), end.clone())));
    for (key, own) in written.rows() {
        let below: Option<Bytes> = if own.needs_base() { base.get(key)? } else { None };
        batch.rows.insert(key.clone(), own.clone().over(below));
    }
    Ok(batch)
}
