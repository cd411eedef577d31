//! Turns waiting commits into one durable batch.
//!
//! Invariants: one committer, so commits are judged one after the other; an answer "committed" follows the fsync and the
//! publication; after any failure of the store nothing is judged before the store was recovered and read again.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use super::{
    Batch, Snapshot, Storage, Version, engine::Shared, overlay::Overlay, read_set::ReadSet, watches::PendingWatch,
    window::Window,
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
    is_suspect: bool,
}

impl<S: Storage> Committer<S> {
    pub fn new(storage: S, version: Version) -> Self {
        Self { storage: Some(storage), window: Window::new(version), version, is_suspect: false }
    }

    pub fn close(&mut self) -> Option<S> {
        self.storage.take()
    }

    /// Judges `waiting` in their order, makes those that pass durable together, and answers all.
    pub fn commit(&mut self, shared: &Shared<S>, waiting: Vec<Submission>) {
        let base = match self.usable(shared) {
            Ok(base) => base,
            Err(error) => return refuse(waiting, &error),
        };
        // Until it is done: should it panic, nothing here or in the store is to be relied on.
        self.is_suspect = true;
        let version = self.version.max(base.version()).next();
        let (written, passed) = self.judge(version, waiting);
        if written.is_empty() {
            self.is_suspect = false;
            return passed.into_iter().for_each(|submission| shared.committed(submission));
        }
        self.version = version;
        match batch(version, &written, &*base) {
            Ok(batch) => self.make_durable(shared, &batch, &written, passed),
            Err(error) => {
                tracing::error!(%error, "metastore storage failed to read for a commit");
                refuse(passed, &error);
            }
        }
    }

    /// The published snapshot, of a store that is known to work; recovers it first where it is suspect.
    fn usable(&mut self, shared: &Shared<S>) -> Result<Arc<S::Snapshot>, Error> {
        if shared.take_suspicion() || self.is_suspect {
            self.recover(shared)?;
        }
        shared.published()
    }

    /// Gets the store back to work and publishes what it holds, which may be less or more than is published: so attempts of
    /// before are too old to be judged.
    fn recover(&mut self, shared: &Shared<S>) -> Result<Version, Error> {
        let Some(storage) = self.storage.as_mut() else { return Err(Error::Closed) };
        self.is_suspect = true;
        let recovered = storage.recover().and_then(|()| storage.snapshot());
        match recovered {
            Ok(snapshot) => {
                let version = snapshot.version();
                self.window = Window::new(version);
                self.is_suspect = false;
                shared.publish(Ok(Arc::new(snapshot)));
                tracing::warn!(version = version.0, "metastore storage recovered");
                Ok(version)
            }
            Err(error) => {
                shared.publish(Err(error.clone()));
                Err(error)
            }
        }
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

    fn make_durable(&mut self, shared: &Shared<S>, batch: &Batch, written: &Overlay, passed: Vec<Submission>) {
        let started = Instant::now();
        let applied = self.storage.as_mut().map_or(Err(Error::Closed), |storage| {
            storage.apply(batch)?;
            let snapshot = storage.snapshot();
            shared.metrics.file_bytes.store(storage.disk_bytes().unwrap_or(0), Ordering::Relaxed);
            snapshot
        });
        Metrics::count(&shared.metrics.batches, 1);
        let took = started.elapsed();
        if took > SLOW_BATCH {
            tracing::warn!(?took, rows = batch.rows.len(), "slow metastore commit");
        }
        match applied {
            Ok(snapshot) => {
                self.window.record(batch.version, Instant::now(), written);
                self.is_suspect = false;
                shared.publish(Ok(Arc::new(snapshot)));
                shared.watches.fire(batch);
                passed.into_iter().for_each(|submission| shared.committed(submission));
            }
            Err(error) => {
                tracing::error!(%error, version = batch.version.0, "metastore storage failed to commit");
                match self.recover(shared) {
                    Ok(found) if found < batch.version => refuse(passed, &error),
                    Ok(_) | Err(_) => {
                        shared.watches.fire(batch);
                        refuse(passed, &Error::UnknownResult);
                    }
                }
            }
        }
    }
}

fn refuse(submissions: Vec<Submission>, error: &Error) {
    submissions.into_iter().for_each(|submission| submission.answer(Err(error.clone())));
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
