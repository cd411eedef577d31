//! One attempt: a transaction of the client library, behind our prefix and within our limits.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use foundationdb::{
    FdbResult, KeySelector, RangeOption, Transaction,
    future::FdbValues,
    options::{MutationType, StreamingMode, TransactionOption},
};
use tokio::time::Instant;

use super::{engine::Shared, fault, keys::Keys};
use crate::kv::{
    Attempt, Error, Isolation, Mutation, Range, Watch,
    bounds::{check_key, check_mutation},
    limits::{
        ATTEMPT_TIMEOUT, COMMIT_TIMEOUT, RANGE_BYTES_MAX, RANGE_ROWS_MAX, TRANSACTION_AGE_MAX, TRANSACTION_BYTES_MAX,
    },
};

pub(super) struct FdbAttempt {
    shared: Arc<Shared>,
    state: Mutex<State>,
}

struct State {
    /// None once it is being committed.
    transaction: Option<Transaction>,
    /// When the transaction was made, from which it counts its time.
    made: Instant,
    /// When the first read asked for the snapshot.
    read_at: Option<Instant>,
    /// Bytes of all writes.
    bytes: usize,
    writes: usize,
    watches: usize,
    failure: Option<Error>,
}

impl FdbAttempt {
    pub fn new(shared: Arc<Shared>) -> Self {
        let made = Instant::now();
        let transaction = shared.database().and_then(|database| database.create_trx().map_err(fault::of_read));
        let (transaction, failure) = match transaction {
            Ok(transaction) => (Some(transaction), None),
            Err(error) => (None, Some(error)),
        };
        let state = State { transaction, made, read_at: None, bytes: 0, writes: 0, watches: 0, failure };
        Self { shared, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(
        &self,
        page: &RangeOption<'_>,
        number: usize,
        snapshot: bool,
    ) -> Result<impl Future<Output = FdbResult<FdbValues>> + Send + use<>, Error> {
        let mut state = self.state();
        Ok(state.reading()?.get_range(page, number, snapshot))
    }

    /// What is left to do to commit, if anything is.
    fn committing(&self) -> Result<Option<impl Future<Output = Result<(), Error>> + Send + use<>>, Error> {
        let mut state = self.state();
        state.check()?;
        if state.writes == 0 && state.watches == 0 {
            state.transaction = None;
            return Ok(None);
        }
        state.expire(state.read_at.unwrap_or(state.made) + COMMIT_TIMEOUT)?;
        let transaction = state.transaction.take().ok_or(Error::UsedAfterCommit)?;
        let bytes = state.bytes;
        Ok(Some(async move { transaction.commit().await.map(drop).map_err(|error| fault::of_commit(*error, bytes)) }))
    }
}

#[async_trait]
impl Attempt for FdbAttempt {
    async fn get(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        check_key(key.len(), key)?;
        let value = self.state().reading()?.get(&self.shared.keys.full(key), isolation == Isolation::Snapshot);
        let value = value.await.map_err(fault::of_read)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    async fn range(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        query.check()?;
        if query.limit == 0 || query.begin == query.end {
            return self.state().check().map(|()| Vec::new());
        }
        let keys = &self.shared.keys;
        let mut rows = Rows::default();
        let mut next = Some(RangeOption {
            begin: KeySelector::first_greater_or_equal(keys.full(&query.begin)),
            end: KeySelector::first_greater_or_equal(keys.full(&query.end)),
            // One more than may be answered, to see that there are more.
            limit: Some(query.limit.min(RANGE_ROWS_MAX + 1)),
            mode: StreamingMode::WantAll,
            reverse: query.reverse,
            ..RangeOption::default()
        });
        for number in 1.. {
            let Some(page) = next else { break };
            let values = self.page(&page, number, query.snapshot)?.await.map_err(fault::of_read)?;
            rows.push_all(&values, keys)?;
            next = page.next_range(&values);
        }
        Ok(rows.rows)
    }

    fn write(&self, mutation: Mutation) {
        self.state().write(&mutation, &self.shared.keys);
    }

    fn watch(&self, key: &[u8]) -> Watch {
        let changed = {
            let mut state = self.state();
            let full = self.shared.keys.full(key);
            match check_key(key.len(), key).and_then(|()| Ok(state.reading()?.watch(&full))) {
                Ok(changed) => {
                    state.watches += 1;
                    changed
                }
                Err(error) => return Watch::new(async { Err(error) }),
            }
        };
        let closing = self.shared.closing();
        Watch::new(async move {
            tokio::select! {
                biased;
                changed = changed => changed.map_err(fault::of_watch),
                () = closing => Err(Error::Closed),
            }
        })
    }

    async fn commit(&self) -> Result<(), Error> {
        let snapshot = self.state().snapshot_to_commit()?;
        if let Some(snapshot) = snapshot {
            // Without one nothing was sent, so that it is known not to be committed.
            snapshot.await.map_err(fault::of_read)?;
        }
        match self.committing()? {
            Some(committed) => committed.await,
            None => Ok(()),
        }
    }
}

impl State {
    /// The transaction, to read from it.
    fn reading(&mut self) -> Result<&Transaction, Error> {
        self.check()?;
        if self.read_at.is_none() {
            let now = Instant::now();
            self.read_at = Some(now);
            self.expire(now + ATTEMPT_TIMEOUT)?;
        }
        self.transaction.as_ref().ok_or(Error::UsedAfterCommit)
    }

    fn check(&self) -> Result<(), Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.transaction.is_none() {
            return Err(Error::UsedAfterCommit);
        }
        if self.read_at.is_some_and(|since| since.elapsed() > TRANSACTION_AGE_MAX) {
            return Err(Error::TooOld);
        }
        if self.bytes > TRANSACTION_BYTES_MAX {
            return Err(Error::TransactionTooLarge { bytes: self.bytes });
        }
        Ok(())
    }

    /// Lets the client library fail everything of the transaction at `deadline`; a later call counts.
    fn expire(&self, deadline: Instant) -> Result<(), Error> {
        let time = deadline.saturating_duration_since(self.made).max(Duration::from_millis(1));
        let time_ms = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        let transaction = self.transaction.as_ref().ok_or(Error::UsedAfterCommit)?;
        transaction.set_option(TransactionOption::Timeout(time_ms)).map_err(fault::of_read)
    }

    /// Where this attempt writes and has not read: takes the snapshot that its commit is judged by.
    fn snapshot_to_commit(&mut self) -> Result<Option<impl Future<Output = FdbResult<i64>> + Send + use<>>, Error> {
        self.check()?;
        if self.read_at.is_some() || self.writes == 0 {
            return Ok(None);
        }
        Ok(Some(self.reading()?.get_read_version()))
    }

    fn write(&mut self, mutation: &Mutation, keys: &Keys) {
        let Some(transaction) = self.transaction.as_ref().filter(|_| self.failure.is_none()) else { return };
        if let Err(error) = check_mutation(mutation) {
            self.failure = Some(error);
            return;
        }
        self.bytes += mutation.bytes();
        self.writes += 1;
        if self.bytes > TRANSACTION_BYTES_MAX {
            // It has failed already, and must not go on to fill memory.
            return;
        }
        match mutation {
            Mutation::Set { key, value } => transaction.set(&keys.full(key), value),
            Mutation::Clear { key } => transaction.clear(&keys.full(key)),
            Mutation::ClearRange { begin, end } if begin < end => {
                transaction.clear_range(&keys.full(begin), &keys.full(end));
            }
            Mutation::ClearRange { .. } => {}
            Mutation::Add { key, delta } => {
                transaction.atomic_op(&keys.full(key), &delta.to_le_bytes(), MutationType::Add);
            }
            Mutation::SetStamped { prefix, suffix, value } => {
                let key = keys.stamped(prefix, suffix);
                transaction.atomic_op(&key, value, MutationType::SetVersionstampedKey);
            }
        }
    }
}

/// The rows of an answer so far.
#[derive(Default)]
struct Rows {
    rows: Vec<(Bytes, Bytes)>,
    bytes: usize,
}

impl Rows {
    fn push_all(&mut self, values: &FdbValues, keys: &Keys) -> Result<(), Error> {
        for row in values {
            let (key, value) = (keys.ours(row.key())?, Bytes::copy_from_slice(row.value()));
            self.bytes += key.len() + value.len();
            if self.rows.len() >= RANGE_ROWS_MAX || self.bytes > RANGE_BYTES_MAX {
                return Err(Error::RangeTooLarge { rows: RANGE_ROWS_MAX, bytes: RANGE_BYTES_MAX });
            }
            self.rows.push((key, value));
        }
        Ok(())
    }
}
