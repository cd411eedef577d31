//! One attempt: a transaction of the client library, with our key prefix and within our limits.

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

use super::{database::FdbDatabase, error_codes, key_prefix::KeyPrefix};
use crate::kv::{
    Attempt, Error, Isolation, Mutation, Range, Watch,
    limits::{
        ATTEMPT_TIMEOUT, COMMIT_TIMEOUT, RANGE_BYTES_MAX, RANGE_ROWS_MAX, TRANSACTION_AGE_MAX, TRANSACTION_BYTES_MAX,
    },
    validate::{check_key, check_mutation},
};

pub(super) struct FdbAttempt {
    database: Arc<FdbDatabase>,
    state: Mutex<TransactionState>,
}

struct TransactionState {
    /// `None` once it is being committed.
    transaction: Option<Transaction>,
    /// When the transaction was created: its timeout option counts from here.
    created: Instant,
    /// When the first read requested the snapshot.
    read_at: Option<Instant>,
    /// Bytes of all writes.
    bytes: usize,
    /// Number of writes.
    writes: usize,
    /// Number of watches.
    watches: usize,
    /// The error that fails everything from now on.
    failure: Option<Error>,
}

impl FdbAttempt {
    /// An attempt without any read or write yet.
    pub fn new(database: Arc<FdbDatabase>) -> Self {
        let created = Instant::now();
        let transaction = database.get().and_then(|database| database.create_trx().map_err(error_codes::read_error));
        let (transaction, failure) = match transaction {
            Ok(transaction) => (Some(transaction), None),
            Err(error) => (None, Some(error)),
        };
        let state = TransactionState { transaction, created, read_at: None, bytes: 0, writes: 0, watches: 0, failure };
        Self { database, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, TransactionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(
        &self,
        page: &RangeOption<'_>,
        number: usize,
        snapshot: bool,
    ) -> Result<impl Future<Output = FdbResult<FdbValues>> + Send + use<>, Error> {
        let mut state = self.state();
        Ok(state.transaction_to_read()?.get_range(page, number, snapshot))
    }

    /// The commit to wait for; `None` if there is nothing to commit.
    fn start_commit(&self) -> Result<Option<impl Future<Output = Result<(), Error>> + Send + use<>>, Error> {
        let mut state = self.state();
        state.check()?;
        if state.writes == 0 && state.watches == 0 {
            state.transaction = None;
            return Ok(None);
        }
        state.set_deadline(state.read_at.unwrap_or(state.created) + COMMIT_TIMEOUT)?;
        let transaction = state.transaction.take().ok_or(Error::UsedAfterCommit)?;
        let bytes = state.bytes;
        Ok(Some(async move {
            transaction.commit().await.map(drop).map_err(|error| error_codes::commit_error(*error, bytes))
        }))
    }
}

#[async_trait]
impl Attempt for FdbAttempt {
    async fn get(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        check_key(key.len(), key)?;
        let value = self
            .state()
            .transaction_to_read()?
            .get(&self.database.prefix.add_to(key), isolation == Isolation::Snapshot);
        let value = value.await.map_err(error_codes::read_error)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    async fn range(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        query.check()?;
        if query.limit == 0 || query.begin == query.end {
            return self.state().check().map(|()| Vec::new());
        }
        let prefix = &self.database.prefix;
        let mut rows = RangeRows::default();
        let mut next = Some(RangeOption {
            begin: KeySelector::first_greater_or_equal(prefix.add_to(&query.begin)),
            end: KeySelector::first_greater_or_equal(prefix.add_to(&query.end)),
            // One more than may be returned, to detect that there are more.
            limit: Some(query.limit.min(RANGE_ROWS_MAX + 1)),
            mode: StreamingMode::WantAll,
            reverse: query.reverse,
            ..RangeOption::default()
        });
        for number in 1.. {
            let Some(page) = next else { break };
            let values = self.page(&page, number, query.snapshot)?.await.map_err(error_codes::read_error)?;
            rows.push_all(&values, prefix)?;
            next = page.next_range(&values);
        }
        Ok(rows.rows)
    }

    async fn read_version(&self) -> Result<u64, Error> {
        let version = self.state().transaction_to_read()?.get_read_version();
        Ok(version.await.map_err(error_codes::read_error)?.cast_unsigned())
    }

    fn write(&self, mutation: Mutation) {
        self.state().write(&mutation, &self.database.prefix);
    }

    fn watch(&self, key: &[u8]) -> Watch {
        let changed = {
            let mut state = self.state();
            let stored = self.database.prefix.add_to(key);
            match check_key(key.len(), key).and_then(|()| Ok(state.transaction_to_read()?.watch(&stored))) {
                Ok(changed) => {
                    state.watches += 1;
                    changed
                }
                Err(error) => return Watch::new(async { Err(error) }),
            }
        };
        let closing = self.database.closing();
        Watch::new(async move {
            tokio::select! {
                biased;
                changed = changed => changed.map_err(error_codes::watch_error),
                () = closing => Err(Error::Closed),
            }
        })
    }

    async fn commit(&self) -> Result<(), Error> {
        let snapshot = self.state().snapshot_to_commit()?;
        if let Some(snapshot) = snapshot {
            // If this fails, nothing was sent, so the attempt is known not to be committed.
            snapshot.await.map_err(error_codes::read_error)?;
        }
        match self.start_commit()? {
            Some(committed) => committed.await,
            None => Ok(()),
        }
    }
}

impl TransactionState {
    /// The transaction to read from; the first call starts the attempt's time.
    fn transaction_to_read(&mut self) -> Result<&Transaction, Error> {
        self.check()?;
        if self.read_at.is_none() {
            let now = Instant::now();
            self.read_at = Some(now);
            self.set_deadline(now + ATTEMPT_TIMEOUT)?;
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

    /// Makes the client library fail everything of the transaction at `deadline`; the last call counts.
    fn set_deadline(&self, deadline: Instant) -> Result<(), Error> {
        let time = deadline.saturating_duration_since(self.created).max(Duration::from_millis(1));
        let time_ms = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        let transaction = self.transaction.as_ref().ok_or(Error::UsedAfterCommit)?;
        transaction.set_option(TransactionOption::Timeout(time_ms)).map_err(error_codes::read_error)
    }

    /// If this attempt writes and has not read: requests the snapshot that its commit is checked against.
    fn snapshot_to_commit(&mut self) -> Result<Option<impl Future<Output = FdbResult<i64>> + Send + use<>>, Error> {
        self.check()?;
        if self.read_at.is_some() || self.writes == 0 {
            return Ok(None);
        }
        Ok(Some(self.transaction_to_read()?.get_read_version()))
    }

    fn write(&mut self, mutation: &Mutation, prefix: &KeyPrefix) {
        let Some(transaction) = self.transaction.as_ref().filter(|_| self.failure.is_none()) else { return };
        if let Err(error) = check_mutation(mutation) {
            self.failure = Some(error);
            return;
        }
        self.bytes += mutation.bytes();
        self.writes += 1;
        if self.bytes > TRANSACTION_BYTES_MAX {
            // The commit fails by `check`; nothing more is kept, to bound the memory of a failed attempt.
            return;
        }
        match mutation {
            Mutation::Set { key, value } => transaction.set(&prefix.add_to(key), value),
            Mutation::Clear { key } => transaction.clear(&prefix.add_to(key)),
            Mutation::ClearRange { begin, end } if begin < end => {
                transaction.clear_range(&prefix.add_to(begin), &prefix.add_to(end));
            }
            Mutation::ClearRange { .. } => {}
            Mutation::Add { key, delta } => {
                transaction.atomic_op(&prefix.add_to(key), &delta.to_le_bytes(), MutationType::Add);
            }
            Mutation::SetStamped { prefix: before, suffix, value } => {
                let key = prefix.versionstamped(before, suffix);
                transaction.atomic_op(&key, value, MutationType::SetVersionstampedKey);
            }
        }
    }
}

/// The rows of a range read so far.
#[derive(Default)]
struct RangeRows {
    rows: Vec<(Bytes, Bytes)>,
    bytes: usize,
}

impl RangeRows {
    fn push_all(&mut self, values: &FdbValues, prefix: &KeyPrefix) -> Result<(), Error> {
        for row in values {
            let (key, value) = (prefix.strip(row.key())?, Bytes::copy_from_slice(row.value()));
            self.bytes += key.len() + value.len();
            if self.rows.len() >= RANGE_ROWS_MAX || self.bytes > RANGE_BYTES_MAX {
                return Err(Error::RangeTooLarge { rows: RANGE_ROWS_MAX, bytes: RANGE_BYTES_MAX });
            }
            self.rows.push((key, value));
        }
        Ok(())
    }
}
