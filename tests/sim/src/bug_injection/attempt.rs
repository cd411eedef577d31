//! A transaction attempt with a bug.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use alluvium_metastore::keyspace::{Key, Tag};
use alluvium_metastore::kv::{Attempt, Error, Isolation, Mutation, Range, Watch};
use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Bug,
    rows::{Rows, is},
};

/// Bytes of a topic id and a partition number in a key.
const PARTITION_BYTES: usize = 20;
/// One of this many reads of a head returns the previous one.
const OLD_HEAD_EVERY: u64 = 20;
/// One of this many reads of extents leaves one out.
const HIDDEN_EXTENT_EVERY: u64 = 10;
/// One of this many committed offsets of a group is not written.
const LOST_OFFSET_EVERY: u64 = 3;
/// One of this many reads of the state of a transactional id returns the previous one.
const OLD_STATE_EVERY: u64 = 4;
/// Kinds of row of transactions, and of group offsets: the second byte of their keys.
const STATE: u8 = 0;
const MEMBER: u8 = 2;
const DEADLINE: u8 = 3;
/// The kind of the member rows that name partitions, and where in their keys it is.
const PARTITION: (usize, u8) = (10, 2);
const PENDING: u8 = 2;
/// Bytes of a producer id in a key.
const PRODUCER_BYTES: usize = 8;
/// How long after an append swaps and trims still conflict with it.
const STARVED_AFTER_APPEND: Duration = Duration::from_secs(10);
/// How long such a conflict takes to be answered: a run makes few attempts until it gives up.
const STARVED_ATTEMPT: Duration = Duration::from_secs(3);
/// How long a slow lookup of extents takes: less than a transaction may.
const SLOW_LOOKUP: Duration = Duration::from_secs(4);
/// After this time the zombie's heartbeats are not written any more.
const ZOMBIE_AFTER: Duration = Duration::from_secs(5);

pub(super) struct BuggyAttempt {
    attempt: Arc<dyn Attempt>,
    bug: Bug,
    rows: Arc<Mutex<Rows>>,
    /// The head of the partition whose extents this attempt takes away.
    shortened: OnceLock<Vec<u8>>,
}

impl BuggyAttempt {
    pub fn new(attempt: Arc<dyn Attempt>, bug: Bug, rows: Arc<Mutex<Rows>>) -> Self {
        Self { attempt, bug, rows, shortened: OnceLock::new() }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The head row `head`, whose last field is the time at which the partition was created, with a time later than any: so
/// producers without a window may begin at any sequence.
fn created_in_future(head: &Bytes) -> Bytes {
    let created = i64::MAX.to_be_bytes();
    let rest = head.len().saturating_sub(created.len());
    [&head[..rest], &created].concat().into()
}

/// The key of the head of the partition that the key `extent` belongs to.
fn head_of(extent: &[u8]) -> Vec<u8> {
    let partition = extent.get(1..1 + PARTITION_BYTES).unwrap_or_default();
    Key::new(Tag::HEAD).raw(partition).bytes()
}

/// Whether `key` is that of a row of this kind.
fn is_kind(key: &[u8], tag: Tag, kind: u8) -> bool {
    key.starts_with(&Key::new(tag).raw(&[kind]).bytes())
}

/// The key of the committed offset that the pending one at `key` replaces.
fn offset_key(key: &[u8]) -> Vec<u8> {
    let (of_group, partition) = key.split_at(key.len().saturating_sub(PARTITION_BYTES));
    let of_group = &of_group[..of_group.len().saturating_sub(PRODUCER_BYTES)];
    Key::new(Tag::GROUP_OFFSET).raw(&[0]).raw(of_group.get(2..).unwrap_or_default()).raw(partition).bytes()
}

#[async_trait]
impl Attempt for BuggyAttempt {
    async fn get(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        let isolation = if self.bug == Bug::LostConflicts { Isolation::Snapshot } else { isolation };
        let value = self.attempt.get(key, isolation).await?;
        let mut rows = self.rows();
        Ok(match self.bug {
            Bug::ForgottenWindows if is(key, Tag::WINDOW) => None,
            Bug::ForgottenWindows if is(key, Tag::HEAD) => value.map(|head| created_in_future(&head)),
            Bug::OldHeads if is(key, Tag::HEAD) => {
                let before = rows.before(key, value.as_ref());
                if rows.is_due(OLD_HEAD_EVERY) { before.or(value) } else { value }
            }
            Bug::StaleEpochs if is_kind(key, Tag::TRANSACTION, STATE) => {
                let before = rows.before(key, value.as_ref());
                if rows.is_due(OLD_STATE_EVERY) { before.or(value) } else { value }
            }
            Bug::Zombie if is(key, Tag::LEASE) || is(key, Tag::NODE) => rows.own(key).or(value),
            _ => value,
        })
    }

    async fn range(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let mut query = query.clone();
        query.snapshot |= self.bug == Bug::LostConflicts;
        if self.bug == Bug::SlowLookups && is(&query.begin, Tag::EXTENT) {
            query.limit = query.limit.min(1);
            tokio::time::sleep(SLOW_LOOKUP).await;
        }
        let mut found = self.attempt.range(&query).await?;
        let mut rows = self.rows();
        match self.bug {
            Bug::HiddenExtents if is(&query.begin, Tag::EXTENT) => {
                let hidden = usize::from(found.len() > 1 && rows.is_due(HIDDEN_EXTENT_EVERY));
                found.drain(..hidden);
            }
            Bug::BlindCompactors if is(&query.begin, Tag::FEED) => found.clear(),
            Bug::ForgottenTimeouts if is_kind(&query.begin, Tag::TRANSACTION, DEADLINE) => found.clear(),
            Bug::ForgottenOpenTransactions if is(&query.begin, Tag::TRANSACTION_OPEN) => found.clear(),
            Bug::TornEnds if is_kind(&query.begin, Tag::TRANSACTION, MEMBER) => {
                let (at, kind) = PARTITION;
                let mut partitions = (0..found.len()).filter(|row| found[*row].0.get(at) == Some(&kind));
                if let (Some(_), Some(last)) = (partitions.next(), partitions.next_back()) {
                    found.remove(last);
                }
            }
            Bug::Zombie if is(&query.begin, Tag::NODE) => found = rows.with_own(&query, found),
            _ => {}
        }
        Ok(found)
    }

    async fn read_version(&self) -> Result<u64, Error> {
        self.attempt.read_version().await
    }

    fn write(&self, mutation: Mutation) {
        let dropped = match (self.bug, &mutation) {
            (Bug::LostGroupOffsets, Mutation::Set { key, .. }) if is(key, Tag::GROUP_OFFSET) => {
                self.rows().is_due(LOST_OFFSET_EVERY)
            }
            (Bug::ForgottenAborts, Mutation::Set { key, .. }) => is(key, Tag::TRANSACTION_ABORTED),
            (Bug::LostPendingOffsets, Mutation::Set { key, .. }) if is_kind(key, Tag::GROUP_OFFSET, PENDING) => {
                self.rows().is_due(LOST_OFFSET_EVERY)
            }
            (Bug::EarlyOffsets, Mutation::Set { key, value }) if is_kind(key, Tag::GROUP_OFFSET, PENDING) => {
                self.attempt.write(Mutation::Set { key: offset_key(key).into(), value: value.clone() });
                false
            }
            (Bug::StarvedSwaps, Mutation::ClearRange { begin, .. }) if is(begin, Tag::EXTENT) => {
                // Only the first partition counts; a transaction that shortens several conflicts with one of them.
                let _ = self.shortened.set(head_of(begin));
                false
            }
            (Bug::Zombie, Mutation::Set { key, value }) if is(key, Tag::LEASE) => {
                self.rows().wrote(key, value);
                false
            }
            (Bug::Zombie, Mutation::Set { key, value }) if is(key, Tag::NODE) => {
                self.rows().wrote(key, value) > ZOMBIE_AFTER
            }
            (Bug::Zombie, Mutation::Clear { key }) => {
                self.rows().cleared(key);
                false
            }
            _ => false,
        };
        if !dropped {
            self.attempt.write(mutation);
        }
    }

    fn watch(&self, key: &[u8]) -> Watch {
        self.attempt.watch(key)
    }

    async fn commit(&self) -> Result<(), Error> {
        if let Some(head) = self.shortened.get() {
            let now = self.attempt.get(head, Isolation::Snapshot).await?;
            if self.rows().changed_within(STARVED_AFTER_APPEND, head, now.as_ref()) {
                tokio::time::sleep(STARVED_ATTEMPT).await;
                return Err(Error::Conflict);
            }
        }
        self.attempt.commit().await
    }
}
