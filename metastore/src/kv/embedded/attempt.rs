//! One attempt: reads of a snapshot under its own writes, and the read set that its commit is checked against.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Snapshot, Storage, Version,
    commit_queue::CommitQueue,
    overlay::Overlay,
    read_set::ReadSet,
    state::EmbeddedState,
    submission::{Answer, Submission},
    watches::PendingWatch,
};
use crate::kv::{
    Attempt, Error, Isolation, Mutation, PendingObject, Range, Watch,
    engine::STAMP_BYTES,
    key_after,
    limits::{RANGE_BYTES_MAX, RANGE_ROWS_MAX, TRANSACTION_AGE_MAX, TRANSACTION_BYTES_MAX},
    pending_object::all_durable,
    validate::{check_key, check_mutation},
};

pub(super) struct EmbeddedAttempt<S: Storage> {
    engine: Arc<EmbeddedState<S>>,
    queue: Arc<CommitQueue<S>>,
    state: Mutex<AttemptState<S::Snapshot>>,
}

struct AttemptState<V> {
    /// The snapshot and when it was taken: at the first read.
    snapshot: Option<(Arc<V>, Instant)>,
    reads: ReadSet,
    mutations: Vec<Mutation>,
    /// The sum of the mutations without those that write versionstamped keys.
    written: Overlay,
    /// The key ranges (both ends inclusive) in which the versionstamped keys will lie: unreadable until the commit.
    stamped: Vec<(Vec<u8>, Vec<u8>)>,
    /// Bytes of the mutations.
    bytes: usize,
    watches: Vec<PendingWatch>,
    /// The first write that broke a limit; fails the commit.
    failure: Option<Error>,
    is_committed: bool,
}

impl<S: Storage> EmbeddedAttempt<S> {
    /// An attempt without any read or write yet.
    pub fn new(engine: Arc<EmbeddedState<S>>, queue: Arc<CommitQueue<S>>) -> Self {
        let state = AttemptState {
            snapshot: None,
            reads: ReadSet::default(),
            mutations: Vec::new(),
            written: Overlay::default(),
            stamped: Vec::new(),
            bytes: 0,
            watches: Vec::new(),
            failure: None,
            is_committed: false,
        };
        Self { engine, queue, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, AttemptState<S::Snapshot>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get_now(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        check_key(key.len(), key)?;
        let mut state = self.state();
        let snapshot = state.snapshot(&self.engine)?;
        if state.is_unreadable(key, &key_after(key)) {
            return Err(Error::Unreadable);
        }
        let pending = state.written.pending(key);
        if pending.as_ref().is_some_and(|pending| !pending.needs_base()) {
            return Ok(pending.and_then(|pending| pending.resolve(None)));
        }
        if isolation == Isolation::Serializable {
            state.reads.add(key);
        }
        drop(state);
        let base = snapshot.get(key)?;
        Ok(match pending {
            Some(pending) => pending.resolve(base),
            None => base,
        })
    }

    fn range_now(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        query.check()?;
        let mut state = self.state();
        let snapshot = state.snapshot(&self.engine)?;
        let Range { begin, end, limit, reverse, snapshot: is_snapshot_read } = query;
        if *limit == 0 || begin == end {
            return Ok(Vec::new());
        }
        let base = snapshot.range(begin, end, *reverse)?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for row in state.written.merge(base, begin, end, *reverse) {
            let (key, value) = row?;
            bytes += key.len() + value.len();
            if rows.len() >= RANGE_ROWS_MAX || bytes > RANGE_BYTES_MAX {
                return Err(Error::RangeTooLarge { rows: RANGE_ROWS_MAX, bytes: RANGE_BYTES_MAX });
            }
            rows.push((key, value));
            if rows.len() == *limit {
                break;
            }
        }
        let (from, to) = covered(query, &rows);
        if state.is_unreadable(&from, &to) {
            return Err(Error::Unreadable);
        }
        if !is_snapshot_read {
            state.reads.add_range(&from, &to);
        }
        Ok(rows)
    }

    /// If the store failed the read: has it recovered, and answers an error by which the caller tries again.
    async fn or_recover<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Err(Error::Storage(_)) => {
                self.engine.request_recovery();
                self.submit(Submission::empty()).await?;
                Err(Error::TooOld)
            }
            other => other,
        }
    }

    async fn submit(&self, (submission, answer): (Submission, Answer)) -> Result<(), Error> {
        self.queue.submit(submission).await?;
        // There is no answer only if the committer panicked during the batch.
        answer.await.unwrap_or(Err(Error::UnknownResult))
    }
}

#[async_trait]
impl<S: Storage> Attempt for EmbeddedAttempt<S> {
    async fn get(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        let value = self.get_now(key, isolation);
        self.or_recover(value).await
    }

    async fn range(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let rows = self.range_now(query);
        self.or_recover(rows).await
    }

    async fn read_version(&self) -> Result<u64, Error> {
        let version = self.state().snapshot(&self.engine).map(|snapshot| snapshot.version().0);
        self.or_recover(version).await
    }

    fn write(&self, mutation: Mutation) {
        self.state().write(mutation);
    }

    fn watch(&self, key: &[u8]) -> Watch {
        let seen = match self.get_now(key, Isolation::Snapshot) {
            Ok(seen) => seen,
            Err(error) => return Watch::new(async { Err(error) }),
        };
        let (pending, watch) = self.engine.watches.pair(Bytes::copy_from_slice(key), seen);
        self.state().watches.push(pending);
        watch
    }

    async fn commit(&self) -> Result<(), Error> {
        self.commit_beside(Vec::new()).await
    }

    async fn commit_beside(&self, mut objects: Vec<PendingObject>) -> Result<(), Error> {
        if !self.engine.takes_in_doubt {
            all_durable(std::mem::take(&mut objects)).await?;
        }
        let submission = {
            let mut state = self.state();
            state.check()?;
            state.is_committed = true;
            if state.mutations.is_empty() {
                let watches = std::mem::take(&mut state.watches);
                drop(state);
                self.engine.arm(watches);
                return Ok(());
            }
            let (submission, answer) = state.take_submission();
            (Submission { objects, ..submission }, answer)
        };
        self.submit(submission).await
    }
}

impl<V: Snapshot> AttemptState<V> {
    /// The snapshot that this attempt reads, unless the attempt is too old.
    fn snapshot<S: Storage<Snapshot = V>>(&mut self, engine: &EmbeddedState<S>) -> Result<Arc<V>, Error> {
        self.check()?;
        if let Some((snapshot, _)) = &self.snapshot {
            return Ok(snapshot.clone());
        }
        let snapshot = engine.published()?;
        self.snapshot = Some((snapshot.clone(), Instant::now()));
        Ok(snapshot)
    }

    fn check(&self) -> Result<(), Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.is_committed {
            return Err(Error::UsedAfterCommit);
        }
        if self.snapshot.as_ref().is_some_and(|(_, since)| since.elapsed() > TRANSACTION_AGE_MAX) {
            return Err(Error::TooOld);
        }
        let bytes = self.bytes + self.reads.bytes();
        if bytes > TRANSACTION_BYTES_MAX {
            return Err(Error::TransactionTooLarge { bytes });
        }
        Ok(())
    }

    fn write(&mut self, mutation: Mutation) {
        if self.is_committed || self.failure.is_some() {
            return;
        }
        if let Err(error) = check_mutation(&mutation) {
            self.failure = Some(error);
            return;
        }
        self.bytes += mutation.bytes();
        if self.bytes > TRANSACTION_BYTES_MAX {
            // The commit fails by `check`; nothing more is kept, to bound the memory of a failed attempt.
            return;
        }
        if let Mutation::SetStamped { prefix, suffix, value: _ } = &mutation {
            let first = self.snapshot.as_ref().map_or(Version(0), |(snapshot, _)| snapshot.version()).next();
            let low = [prefix, &first.stamp(0)[..], suffix].concat();
            let high = [prefix, &[u8::MAX; STAMP_BYTES][..], suffix].concat();
            self.stamped.push((low, high));
        } else {
            self.written.apply(mutation.clone(), &[]);
        }
        self.mutations.push(mutation);
    }

    fn is_unreadable(&self, begin: &[u8], end: &[u8]) -> bool {
        self.stamped.iter().any(|(low, high)| &low[..] < end && begin <= &high[..])
    }

    /// Everything that the commit needs, taken out of this attempt.
    fn take_submission(&mut self) -> (Submission, Answer) {
        let snapshot = self.snapshot.as_ref().filter(|_| !self.reads.is_empty());
        let read_at = snapshot.map(|(snapshot, _)| snapshot.version());
        let reads = std::mem::take(&mut self.reads);
        let bytes = self.bytes + reads.bytes();
        // Dropped, so that the store need not keep the old version for an attempt that only waits.
        self.snapshot = None;
        self.written = Overlay::default();
        let (empty, answered) = Submission::empty();
        let submission = Submission {
            read_at,
            reads,
            mutations: std::mem::take(&mut self.mutations),
            bytes,
            watches: std::mem::take(&mut self.watches),
            ..empty
        };
        (submission, answered)
    }
}

/// The part of `query`'s range that was read to find `rows`: up to the last row if the limit ended the read there.
fn covered(query: &Range, rows: &[(Bytes, Bytes)]) -> (Vec<u8>, Vec<u8>) {
    match rows.last().filter(|_| rows.len() == query.limit) {
        Some((last, _)) if query.reverse => (last.to_vec(), query.end.clone()),
        Some((last, _)) => (query.begin.clone(), key_after(last)),
        None => (query.begin.clone(), query.end.clone()),
    }
}
