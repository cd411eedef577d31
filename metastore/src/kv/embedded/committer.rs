//! Turns waiting commits into one durable batch.
//!
//! Invariants: there is one committer, so commits are checked one after the other; the answer "committed" follows the
//! fsync and the publication; after any failure of the store nothing is committed before the store was recovered and
//! read again; a batch with pending objects is published only once they are durable, and no batch follows it before, so
//! that at most the last batch of a store is in doubt.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Batch, InDoubt, Snapshot, Storage, Version, conflict_window::ConflictWindow, overlay::Overlay,
    state::EmbeddedState, storage::PreviousRows, submission::Submission,
};
use crate::kv::{Error, Metrics, PendingObject, limits::UNDO_ROWS_MAX};

/// A batch that takes longer than this is logged: every commit waits for the disk.
const SLOW_BATCH: Duration = Duration::from_secs(1);

/// Checks and commits batches, one after the other.
pub(super) struct Committer<S: Storage> {
    /// `None` once closed.
    storage: Option<S>,
    window: ConflictWindow,
    /// The last version that a batch was given, whether it became durable or not.
    version: Version,
    /// Whether the store failed, or a commit did not run to its end, since the last recovery.
    needs_recovery: bool,
}

impl<S: Storage> Committer<S> {
    /// A committer on `storage`, whose newest version is `version`.
    pub fn new(storage: S, version: Version) -> Self {
        Self { storage: Some(storage), window: ConflictWindow::new(version), version, needs_recovery: false }
    }

    /// Takes the storage, so that every later commit fails.
    pub fn close(&mut self) -> Option<S> {
        let mut storage = self.storage.take()?;
        if !self.needs_recovery {
            storage.confirm();
        }
        Some(storage)
    }

    /// Checks `waiting` in their order for conflicts, makes those without one durable together, and answers all.
    pub fn commit(&mut self, state: &EmbeddedState<S>, waiting: Vec<Submission>) {
        let base = match self.usable_snapshot(state) {
            Ok(base) => base,
            Err(error) => return reject(waiting, &error),
        };
        // Reset once it is done: after a panic nothing here or in the store can be relied on.
        self.needs_recovery = true;
        let version = self.version.max(base.version()).next();
        let (written, accepted) = self.resolve_conflicts(version, waiting);
        if written.is_empty() {
            self.needs_recovery = false;
            return accepted.into_iter().for_each(|submission| state.acknowledge(submission));
        }
        self.version = version;
        let batch = batch(version, &written, &*base).and_then(|batch| in_doubt(batch, &accepted, &*base));
        match batch {
            Ok(batch) => match unwritten(&accepted, batch.in_doubt.is_none()) {
                none if none.is_empty() => self.make_durable(state, &batch, &written, accepted),
                unwritten => {
                    self.needs_recovery = false;
                    reject_without(&unwritten, accepted);
                }
            },
            Err(error) => {
                let version = version.0;
                tracing::error!(%error, version, "metastore storage failed to read for a commit; rejecting it");
                reject(accepted, &error);
            }
        }
    }

    /// The published snapshot of a store that is known to work; recovers the store first if it must be.
    fn usable_snapshot(&mut self, state: &EmbeddedState<S>) -> Result<Arc<S::Snapshot>, Error> {
        if state.take_recovery_request() || self.needs_recovery {
            self.recover(state)?;
        }
        state.published()
    }

    /// Recovers the store and publishes what it holds, which may be less or more than was published before. Attempts
    /// that began before the recovery are therefore too old to commit.
    fn recover(&mut self, state: &EmbeddedState<S>) -> Result<Version, Error> {
        let Some(storage) = self.storage.as_mut() else { return Err(Error::Closed) };
        self.needs_recovery = true;
        let recovered = storage.recover().and_then(|()| storage.snapshot());
        match recovered {
            Ok(snapshot) => {
                let version = snapshot.version();
                self.window = ConflictWindow::new(version);
                self.needs_recovery = false;
                state.publish(Ok(Arc::new(snapshot)));
                tracing::warn!(version = version.0, "metastore storage recovered; commits go on");
                Ok(version)
            }
            Err(error) => {
                state.publish(Err(error.clone()));
                Err(error)
            }
        }
    }

    /// Answers the submissions that conflict or are too old. Returns the others with the sum of their writes, in the
    /// order of their versionstamps.
    fn resolve_conflicts(&self, version: Version, waiting: Vec<Submission>) -> (Overlay, Vec<Submission>) {
        let mut written = Overlay::default();
        let mut accepted = Vec::with_capacity(waiting.len());
        let mut order = 0;
        for mut submission in waiting {
            match self.check(&submission, &written) {
                Ok(()) => {
                    for mutation in std::mem::take(&mut submission.mutations) {
                        written.apply(mutation, &version.stamp(order));
                    }
                    order += 1;
                    accepted.push(submission);
                }
                Err(error) => submission.answer(Err(error)),
            }
        }
        (written, accepted)
    }

    fn check(&self, submission: &Submission, written: &Overlay) -> Result<(), Error> {
        let Some(read_at) = submission.read_at else { return Ok(()) };
        self.window.check(&submission.reads, read_at)?;
        let conflicts =
            submission.reads.any(|key| written.touches(key), |begin, end| written.touches_range(begin, end));
        if conflicts { Err(Error::Conflict) } else { Ok(()) }
    }

    fn make_durable(&mut self, state: &EmbeddedState<S>, batch: &Batch, written: &Overlay, accepted: Vec<Submission>) {
        let started = Instant::now();
        let applied = self.storage.as_mut().map_or(Err(Error::Closed), |storage| {
            storage.apply(batch)?;
            let snapshot = storage.snapshot();
            state.metrics.file_bytes.store(storage.disk_bytes().unwrap_or(0), Ordering::Relaxed);
            snapshot
        });
        Metrics::count(&state.metrics.batches, 1);
        let took = started.elapsed();
        if took > SLOW_BATCH {
            tracing::warn!(?took, rows = batch.rows.len(), "slow metastore commit: the disk took long for one batch");
        }
        // Waited for in any case: the store may recover only once it is known what became of them.
        let unwritten = unwritten(&accepted, batch.in_doubt.is_some());
        if !unwritten.is_empty()
            && let Some(storage) = &mut self.storage
        {
            storage.distrust();
        }
        match applied {
            Ok(_) if !unwritten.is_empty() => self.take_back(state, batch, &unwritten, accepted),
            Ok(snapshot) => {
                if let Some(storage) = &mut self.storage {
                    storage.trust();
                }
                self.window.record(batch.version, Instant::now(), written);
                self.needs_recovery = false;
                state.publish(Ok(Arc::new(snapshot)));
                state.watches.fire(batch);
                accepted.into_iter().for_each(|submission| state.acknowledge(submission));
            }
            Err(error) => {
                let version = batch.version.0;
                tracing::error!(%error, version, "metastore storage failed to commit a batch; recovering it");
                match self.recover(state) {
                    Ok(found) if found < batch.version => reject(accepted, &error),
                    Ok(_) | Err(_) => {
                        state.watches.fire(batch);
                        reject(accepted, &Error::UnknownResult);
                    }
                }
            }
        }
    }

    /// Undoes `batch`, which is durable and was never published, because objects of it are `unwritten`.
    fn take_back(
        &mut self,
        state: &EmbeddedState<S>,
        batch: &Batch,
        unwritten: &BTreeSet<String>,
        accepted: Vec<Submission>,
    ) {
        self.version = batch.version.next();
        let undoing = batch.in_doubt.clone().unwrap_or_default().undoing(self.version);
        let undone = self.storage.as_mut().map_or(Err(Error::Closed), |storage| {
            storage.apply(&undoing)?;
            storage.snapshot()
        });
        match undone {
            Ok(snapshot) => {
                self.window.record(self.version, Instant::now(), &Overlay::default());
                self.needs_recovery = false;
                state.publish(Ok(Arc::new(snapshot)));
                reject_without(unwritten, accepted);
            }
            Err(error) => {
                tracing::error!(%error, version = batch.version.0, "undoing a metastore commit failed; recovering it");
                match self.recover(state) {
                    Ok(_) => reject_without(unwritten, accepted),
                    Err(_) => reject(accepted, &Error::UnknownResult),
                }
            }
        }
    }
}

fn reject(submissions: Vec<Submission>, error: &Error) {
    submissions.into_iter().for_each(|submission| submission.answer(Err(error.clone())));
}

/// Rejects submissions because objects of theirs, or of others in the batch, are `unwritten`: the latter can try again.
fn reject_without(unwritten: &BTreeSet<String>, submissions: Vec<Submission>) {
    for submission in submissions {
        let own = submission.objects.iter().map(|object| &object.name().key).find(|key| unwritten.contains(*key));
        let error = own.map_or(Error::Conflict, |key| Error::ObjectNotWritten { key: key.clone() });
        submission.answer(Err(error));
    }
}

/// Waits for the objects of `submissions`, if `now`, and returns the keys of those that could not be written.
fn unwritten(submissions: &[Submission], now: bool) -> BTreeSet<String> {
    let objects = submissions.iter().filter(|_| now).flat_map(|submission| &submission.objects);
    // Unconstrained: a task that has used up its budget would not be woken while this thread waits.
    let is_durable =
        |object: &PendingObject| futures::executor::block_on(tokio::task::unconstrained(object.clone().is_durable()));
    let unwritten = objects.filter(|object| !is_durable(object));
    unwritten.map(|object| object.name().key.clone()).collect()
}

/// `batch`, in doubt if its `submissions` have pending objects, unless there would be too much to undo.
fn in_doubt(mut batch: Batch, submissions: &[Submission], base: &impl Snapshot) -> Result<Batch, Error> {
    let objects: Vec<_> =
        submissions.iter().flat_map(|submission| &submission.objects).map(|object| object.name().clone()).collect();
    if !objects.is_empty() {
        batch.in_doubt = undo(&batch, base)?.map(|undo| InDoubt { objects, undo });
    }
    Ok(batch)
}

/// What `batch` overwrites or clears in `base`; `None` if that is more than `UNDO_ROWS_MAX`.
fn undo(batch: &Batch, base: &impl Snapshot) -> Result<Option<PreviousRows>, Error> {
    let mut undo = Vec::with_capacity(batch.rows.len());
    for key in batch.rows.keys() {
        undo.push((key.clone(), base.get(key)?));
    }
    for (begin, end) in &batch.cleared {
        for row in base.range(begin, end, false)? {
            let (key, value) = row?;
            if !batch.rows.contains_key(&key) {
                undo.push((key, Some(value)));
            }
            if undo.len() > UNDO_ROWS_MAX {
                return Ok(None);
            }
        }
    }
    Ok(Some(undo).filter(|undo| undo.len() <= UNDO_ROWS_MAX))
}

/// The plain rows that result from `written` over `base`.
fn batch(version: Version, written: &Overlay, base: &impl Snapshot) -> Result<Batch, Error> {
    let mut batch = Batch { version, ..Batch::default() };
    batch.cleared.extend(written.cleared().map(|(begin, end)| (begin.clone(), end.clone())));
    for (key, pending) in written.rows() {
        let below: Option<Bytes> = if pending.needs_base() { base.get(key)? } else { None };
        batch.rows.insert(key.clone(), pending.clone().resolve(below));
    }
    Ok(batch)
}
