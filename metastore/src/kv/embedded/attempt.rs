//! One attempt: reads of a snapshot under its own writes, and what its commit will be judged by.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use super::{
    Snapshot, Storage, Version, commit_queue::CommitQueue, committer::Submission, engine::Shared, overlay::Overlay,
    read_set::ReadSet, watches::PendingWatch,
};
use crate::kv::{
    Attempt, Error, Isolation, Mutation, Range, Watch,
    bounds::{check_key, check_mutation},
    engine::STAMP_BYTES,
    key_after,
    limits::{RANGE_BYTES_MAX, RANGE_ROWS_MAX, TRANSACTION_AGE_MAX, TRANSACTION_BYTES_MAX},
};

pub(super) struct EmbeddedAttempt<S: Storage> {
    shared: Arc<Shared<S>>,
    state: Mutex<State<S::Snapshot>>,
}

struct State<V> {
    /// Taken at the first read, with the time of it.
    view: Option<(Arc<V>, Instant)>,
    reads: ReadSet,
    mutations: Vec<Mutation>,
    /// The sum of the mutations, but for those with versionstamps.
    written: Overlay,
    /// Where versionstamped keys will lie (both ends inclusive): unreadable until then.
    stamped: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
    watches: Vec<PendingWatch>,
    failure: Option<Error>,
    is_committed: bool,
}

impl<S: Storage> EmbeddedAttempt<S> {
    pub fn new(shared: Arc<Shared<S>>) -> Self {
        let state = State {
            view: None,
            reads: ReadSet::default(),
            mutations: Vec::new(),
            written: Overlay::default(),
            stamped: Vec::new(),
            bytes: 0,
            watches: Vec::new(),
            failure: None,
            is_committed: false,
        };
        Self { shared, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State<S::Snapshot>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get_now(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        check_key(key.len(), key)?;
        let mut state = self.state();
        let view = state.view(&self.shared)?;
        if state.is_unreadable(key, &key_after(key)) {
            return Err(Error::Unreadable);
        }
        let own = state.written.own(key);
        if own.as_ref().is_some_and(|own| !own.needs_base()) {
            return Ok(own.and_then(|own| own.over(None)));
        }
        if isolation == Isolation::Serializable {
            state.reads.add(key);
        }
        drop(state);
        let below = view.get(key)?;
        Ok(match own {
            Some(own) => own.over(below),
            None => below,
        })
    }

    fn range_now(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        query.check()?;
        let mut state = self.state();
        let view = state.view(&self.shared)?;
        let Range { begin, end, limit, reverse, snapshot } = query;
        if *limit == 0 || begin == end {
            return Ok(Vec::new());
        }
        let below = view.range(begin, end, *reverse)?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for row in state.written.over(below, begin, end, *reverse) {
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
        if !snapshot {
            state.reads.add_range(&from, &to);
        }
        Ok(rows)
    }

    /// Where the store failed a read: has it recovered, and lets the caller try again on what it holds then.
    async fn or_recover<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Err(Error::Storage(_)) => {
                self.shared.suspect();
                let nothing = State::<S::Snapshot>::submission(None, ReadSet::default(), Vec::new(), 0, Vec::new());
                self.submit(nothing).await?;
                Err(Error::TooOld)
            }
            other => other,
        }
    }

    async fn submit(&self, (submission, answer): (Submission, Answer)) -> Result<(), Error> {
        CommitQueue::submit(&self.shared, submission).await?;
        // Never answered only if the committer died under it.
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

    fn write(&self, mutation: Mutation) {
        self.state().write(mutation);
    }

    fn watch(&self, key: &[u8]) -> Watch {
        let seen = match self.get_now(key, Isolation::Snapshot) {
            Ok(seen) => seen,
            Err(error) => return Watch::new(async { Err(error) }),
        };
        let (pending, watch) = self.shared.watches.pair(Bytes::copy_from_slice(key), seen);
        self.state().watches.push(pending);
        watch
    }

    async fn commit(&self) -> Result<(), Error> {
        let submission = {
            let mut state = self.state();
            state.check()?;
            state.is_committed = true;
            if state.mutations.is_empty() {
                let watches = std::mem::take(&mut state.watches);
                drop(state);
                self.shared.arm(watches);
                return Ok(());
            }
            state.take()
        };
        self.submit(submission).await
    }
}

type Answer = oneshot::Receiver<Result<(), Error>>;

impl<V: Snapshot> State<V> {
    /// The snapshot that this attempt reads, unless it is past its time.
    fn view<S: Storage<Snapshot = V>>(&mut self, shared: &Shared<S>) -> Result<Arc<V>, Error> {
        self.check()?;
        if let Some((view, _)) = &self.view {
            return Ok(view.clone());
        }
        let view = shared.published()?;
        self.view = Some((view.clone(), Instant::now()));
        Ok(view)
    }

    fn check(&self) -> Result<(), Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.is_committed {
            return Err(Error::UsedAfterCommit);
        }
        if self.view.as_ref().is_some_and(|(_, since)| since.elapsed() > TRANSACTION_AGE_MAX) {
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
            // It has failed already, and must not go on to fill memory.
            return;
        }
        if let Mutation::SetStamped { prefix, suffix, value: _ } = &mutation {
            let first = self.view.as_ref().map_or(Version(0), |(view, _)| view.version()).next();
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

    fn take(&mut self) -> (Submission, Answer) {
        let read_at = self.view.as_ref().filter(|_| !self.reads.is_empty()).map(|(view, _)| view.version());
        let reads = std::mem::take(&mut self.reads);
        let bytes = self.bytes + reads.bytes();
        // Let go, so that the store need not keep the old version for an attempt that only waits.
        self.view = None;
        self.written = Overlay::default();
        Self::submission(read_at, reads, std::mem::take(&mut self.mutations), bytes, std::mem::take(&mut self.watches))
    }

    fn submission(
        read_at: Option<Version>,
        reads: ReadSet,
        mutations: Vec<Mutation>,
        bytes: usize,
        watches: Vec<PendingWatch>,
    ) -> (Submission, Answer) {
        let (answer, answered) = oneshot::channel();
        (Submission { read_at, reads, mutations, bytes, watches, answer }, answered)
    }
}

/// What of `query`'s range was looked at to find `rows`: up to the last one if the limit ended it there.
fn covered(query: &Range, rows: &[(Bytes, Bytes)]) -> (Vec<u8>, Vec<u8>) {
    match rows.last().filter(|_| rows.len() == query.limit) {
        Some((last, _)) if query.reverse => (last.to_vec(), query.end.clone()),
        Some((last, _)) => (query.begin.clone(), key_after(last)),
        None => (query.begin.clone(), query.end.clone()),
    }
}
