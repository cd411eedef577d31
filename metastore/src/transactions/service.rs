//! The operations on transactions.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use alluvium_model::{
    ProducerId, Timestamp, TopicPartition,
    group::GroupId,
    limits::TRANSACTION_MEMBERS_MAX,
    transaction::{
        Init, Transaction, TransactionError, TransactionalId, TransactionalProducer, Verdict, abort, expire, init,
        joined,
    },
};

use super::{
    end::{EndingTransaction, Members, end_all},
    end_requests::{EndRequest, EndResult, end_first},
    error::TransactionFailure,
    list::{PAGE_MAX, TransactionsPage, page},
    pending_offsets::{self, TransactionOffsets},
};
use crate::{
    groups::Fence,
    keyspace::Error,
    kv::{Db, Tx},
    leases::{self, CheckError, Lease},
    transaction_rows::{
        self, StoredTransaction, deadlines, decode_deadline, decode_deadline_key, decode_partition_key, due_by,
        encode_partition, group_key, member_count_key, partition_key, partitions_of, read, read_state, read_to_join,
        save_joined,
    },
};

/// Deadlines read at once: each transaction among them is aborted by a transaction of its own.
const DUE_MAX: usize = 100;

/// Transactions. Clones share the store.
#[derive(Clone)]
pub struct Transactions {
    db: Db,
}

/// An open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// Who writes it.
    pub producer: ProducerId,
    /// When it began, ms.
    pub since: Timestamp,
    /// When it times out, ms.
    pub deadline: Timestamp,
}

impl OpenTransaction {
    /// How long after its deadline an open transaction is late: agents look each second, and may not reach the
    /// metastore for a while.
    const LATE_AFTER: Duration = Duration::from_secs(10);

    /// Whether it should have been aborted, because it has timed out.
    #[must_use]
    pub fn is_late(&self, now: Timestamp) -> bool {
        now > self.deadline.plus(Self::LATE_AFTER)
    }
}

impl Transactions {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Gives a transactional id to a producer ([`init`]); an open transaction is aborted. `fresh` is a producer id that
    /// nobody has.
    pub async fn init(
        &self,
        id: &TransactionalId,
        request: Init,
        fresh: ProducerId,
        now: Timestamp,
    ) -> Result<TransactionalProducer, TransactionFailure> {
        self.db
            .run("transactions.init", |tx| async move {
                let before = read(&tx, id).await?;
                let outcome = init(before.as_ref().map(|before| &before.state), request, fresh, now)?;
                let verdict = outcome.aborts.then_some(Verdict::Abort);
                change(&tx, id, before.as_ref(), outcome.transaction, verdict, now).await?;
                Ok(outcome.transaction.producer)
            })
            .await
    }

    /// Adds partitions and groups, each once, to the transaction of `producer`, which begins if none is open. More than
    /// a transaction may have are refused before anything is read.
    pub async fn add(
        &self,
        id: &TransactionalId,
        producer: TransactionalProducer,
        partitions: &[TopicPartition],
        groups: &[GroupId],
        now: Timestamp,
    ) -> Result<(), TransactionFailure> {
        let (partitions, groups): (BTreeSet<_>, BTreeSet<_>) = (partitions.iter().collect(), groups.iter().collect());
        if partitions.len() + groups.len() > TRANSACTION_MEMBERS_MAX as usize {
            return Err(TransactionError::TooLarge { members: 0 }.into());
        }
        let keys: Vec<_> = partitions
            .iter()
            .map(|partition| (partition_key(producer.id, **partition), encode_partition(None)))
            .chain(groups.iter().map(|group| (group_key(producer.id, group), Vec::new())))
            .collect();
        let (names, keys): (&Vec<_>, &Vec<_>) = (&keys.iter().map(|(key, _)| key.clone()).collect(), &keys);
        self.db
            .run("transactions.add", |tx| async move {
                let before = read_to_join(&tx, id).await?;
                let known = tx.get_all(names).await?;
                let added: Vec<_> =
                    keys.iter().zip(known).filter(|(_, row)| row.is_none()).map(|(row, _)| row).collect();
                let members = u32::try_from(added.len()).unwrap_or(u32::MAX);
                let state = joined(before.as_ref(), producer, members, now)?;
                // Others that add to it conflict with this, so that the limit holds.
                tx.get(&member_count_key(producer.id)).await?;
                let new_groups = added.iter().filter(|(_, value)| value.is_empty()).count();
                pending_offsets::check_groups(&tx, producer.id, new_groups, state.members).await?;
                for (key, value) in added {
                    tx.set(key, value);
                }
                if let Some(before) = before.filter(|before| *before != state) {
                    save_joined(&tx, &before, &state);
                }
                Ok(())
            })
            .await
    }

    /// Adds the offsets of a group to the transaction, if `fence`, under which they were admitted, is still stored, and
    /// `lease`, on the group, is held.
    pub async fn commit_offsets(
        &self,
        lease: &Lease,
        fence: Fence,
        offsets: TransactionOffsets<'_>,
        now: Timestamp,
    ) -> Result<(), TransactionFailure> {
        self.db
            .run("transactions.commit_offsets", |tx| async move {
                pending_offsets::add(&tx, lease, fence, offsets, now).await
            })
            .await
    }

    /// Ends the first transactions of `requests`, at least one ([`end`](alluvium_model::transaction::end)), in one
    /// metastore transaction: as many as, together, are no larger than one transaction may be. Returns the answers to
    /// them. Each attempt reads the time anew from `now`.
    pub async fn end_first(
        &self,
        requests: &[EndRequest],
        now: impl Fn() -> Timestamp + Send + Sync,
    ) -> Result<Vec<EndResult>, Error> {
        let clock = &now;
        self.db.run("transactions.end", |tx| async move { end_first(&tx, requests, clock()).await }).await
    }

    /// The deadlines that have passed, after that of `after` or from the earliest on, with the producers of the
    /// transactions: at most 100. A transaction that several agents have begun has several.
    pub async fn due(
        &self,
        after: Option<(Timestamp, ProducerId)>,
        now: Timestamp,
    ) -> Result<Vec<(Timestamp, ProducerId)>, Error> {
        self.db
            .read("transactions.due", |tx| async move {
                let rows = tx.range(due_by(after, now).limit(DUE_MAX)).await?;
                Ok(rows.iter().map(|(key, _)| decode_deadline_key(key)).collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Open transactions, those with the earliest deadlines first: of at most `limit` deadlines, of which those that
    /// several agents have begun have several.
    pub async fn open(&self, limit: usize) -> Result<Vec<OpenTransaction>, Error> {
        self.db
            .read("transactions.open", |tx| async move {
                let rows = tx.range(deadlines().limit(limit).snapshot()).await?;
                let (mut open, mut seen) = (Vec::with_capacity(rows.len()), HashSet::new());
                for (key, row) in &rows {
                    let (deadline, producer) = decode_deadline_key(key)?;
                    // Several agents may have begun it.
                    if seen.insert(producer) {
                        open.push(OpenTransaction { producer, since: decode_deadline(row)?, deadline });
                    }
                }
                Ok(open)
            })
            .await
    }

    /// Aborts the open transaction of `producer` if its deadline has passed ([`expire`]). Whether it did.
    pub async fn expire(&self, producer: ProducerId, fresh: ProducerId, now: Timestamp) -> Result<bool, Error> {
        self.abort_if(producer, |state| expire(state, fresh, now), now).await
    }

    /// Aborts the open transaction of `producer` without being asked by it. Whether there was one.
    pub async fn abort(
        &self,
        producer: TransactionalProducer,
        fresh: ProducerId,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let decide = |state: &Transaction| (state.producer == producer).then(|| abort(state, fresh, now)).flatten();
        self.abort_if(producer.id, decide, now).await
    }

    async fn abort_if(
        &self,
        producer: ProducerId,
        decide: impl Fn(&Transaction) -> Option<Transaction> + Sync,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let decide = &decide;
        self.db
            .run("transactions.abort", |tx| async move {
                let Some(stored) = read_state(&tx, producer).await? else { return Ok(false) };
                let Some(state) = decide(&stored.state) else { return Ok(false) };
                change(&tx, &stored.id, Some(&stored), state, Some(Verdict::Abort), now).await?;
                Ok(true)
            })
            .await
    }

    /// The state of a transactional id.
    pub async fn find(&self, id: &TransactionalId) -> Result<Option<StoredTransaction>, Error> {
        self.db.read("transactions.find", |tx| async move { read(&tx, id).await }).await
    }

    /// The state of the transactional id that has `producer`.
    pub async fn find_of(&self, producer: ProducerId) -> Result<Option<StoredTransaction>, Error> {
        self.db.read("transactions.find_of", |tx| async move { read_state(&tx, producer).await }).await
    }

    /// The partitions that belong to the open transaction of `producer`.
    pub async fn partitions(&self, producer: ProducerId) -> Result<Vec<TopicPartition>, Error> {
        self.db
            .read("transactions.partitions", |tx| async move {
                let rows = tx.range(partitions_of(producer)).await?;
                Ok(rows.iter().map(|(key, _)| decode_partition_key(key)).collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The transactional ids whose producer ids come after `after`: at most `limit`, and at most 200.
    pub async fn list(&self, after: Option<ProducerId>, limit: usize) -> Result<TransactionsPage, Error> {
        let limit = limit.clamp(1, PAGE_MAX);
        self.db.read("transactions.list", |tx| async move { page(&tx, after, limit).await }).await
    }

    /// Forgets those of a page of transactional ids that have been idle for longer than `expiry`, as long as `lease` is
    /// held. Returns the producer id after which the next page begins, `None` at the end, and how many were forgotten.
    pub async fn forget_idle(
        &self,
        lease: &Lease,
        after: Option<ProducerId>,
        now: Timestamp,
        expiry: Duration,
    ) -> Result<(Option<ProducerId>, usize), CheckError> {
        self.db
            .run("transactions.forget_idle", |tx| async move {
                leases::check(&tx, lease).await?;
                let TransactionsPage { transactions, next } = page(&tx, after, PAGE_MAX).await?;
                let mut forgotten = 0;
                for stored in transactions.iter().filter(|stored| stored.state.is_expired(now, expiry)) {
                    // Read again, now with a conflict: an id that is used again meanwhile stays.
                    if read_state(&tx, stored.state.producer.id).await?.as_ref() == Some(stored) {
                        transaction_rows::remove(&tx, stored);
                        forgotten += 1;
                    }
                }
                Ok((next, forgotten))
            })
            .await
    }
}

/// Writes the state of `id`, which was `before`, and ends its transaction if there is a verdict.
async fn change(
    tx: &Tx,
    id: &TransactionalId,
    before: Option<&StoredTransaction>,
    state: Transaction,
    verdict: Option<Verdict>,
    now: Timestamp,
) -> Result<(), Error> {
    if before.map(|before| before.state) == Some(state) {
        return Ok(());
    }
    if let (Some(before), Some(verdict)) = (before, verdict) {
        let end = EndingTransaction { writer: before.state.producer, next: state.producer, verdict };
        end_all(tx, &[(end, Members::read(tx, end, None).await?)], now).await?;
    }
    transaction_rows::save(tx, before, id, &state);
    Ok(())
}
