//! The segment commit as a transaction: all reads at once, the decision of the model, compact rows.

use std::collections::BTreeSet;

use alluvium_model::{
    ObjectId, ProducerId, Timestamp, TopicPartition,
    limits::TRANSACTION_MEMBERS_UNSEEN_MAX,
    log::{Commit, CommitLimits, CommitState, SegmentCommit, SegmentOutcome, commit},
    object_key::segment as segment_object_key,
};
use bytes::Bytes;

use super::{
    Log, LogError,
    key::{head_key, start_key},
    row::encode_head,
    service::decode,
};
use crate::{
    extents,
    feed::{self, FeedEntry},
    keyspace::{Error, split},
    kv::{PendingObject, Tx},
    objects::{Retire, add_object, object_key},
    outcomes,
    producers::{decode_window, encode_window, window_key},
    transaction_rows::{
        decode_partition, decode_to_join, encode_open, encode_partition, member_count_key, open_key, partition_key,
        save_joined, state_key,
    },
};

impl Log {
    /// Commits uploaded segments, given in the order in which they were sealed, in one transaction. For a segment that
    /// was committed before, it returns the outcome of that commit. Each attempt reads the time anew from `now`: the
    /// last one may be much later than the first, and a segment that is too old by then must not be committed.
    pub async fn commit(
        &self,
        segments: &[SegmentCommit],
        now: impl Fn() -> Timestamp + Send + Sync,
        limits: &CommitLimits,
    ) -> Result<Vec<SegmentOutcome>, LogError> {
        self.commit_beside(segments, &[], now, limits).await
    }

    /// Whether [`Self::commit_beside`] works while objects are being written, instead of waiting for them.
    #[must_use]
    pub fn takes_pending_objects(&self) -> bool {
        self.db.takes_pending_objects()
    }

    /// As [`Self::commit`], while the objects of some segments, `pending`, are still being written. It returns once
    /// they are durable; if one cannot be written, nothing is committed.
    pub async fn commit_beside(
        &self,
        segments: &[SegmentCommit],
        pending: &[PendingObject],
        now: impl Fn() -> Timestamp + Send + Sync,
        limits: &CommitLimits,
    ) -> Result<Vec<SegmentOutcome>, LogError> {
        check(segments)?;
        let reads = &CommitReads::of(segments);
        let clock = &now;
        self.db
            .run("log.commit", |tx| async move {
                let found = reads.read(&tx, segments).await?;
                let now = clock();
                let undecided = || segments.iter().zip(&found.outcomes).filter(|(_, o)| o.is_none()).map(|(s, _)| s);
                let mut decided = commit(&found.state, undecided(), now, limits);
                if let Some(object) = decided.objects.iter().find(|object| found.known.contains(&object.id)) {
                    return Err(LogError::Known(object.id));
                }
                see_members(&tx, &decided).await?;
                write(&tx, &decided, undecided(), now, limits);
                write_transactions(&tx, &decided, &found.state);
                pending.iter().for_each(|object| tx.commit_beside(object.clone()));
                let mut fresh = std::mem::take(&mut decided.outcomes).into_iter();
                let outcomes = found.outcomes.into_iter().map(|outcome| outcome.or_else(|| fresh.next()));
                Ok(outcomes.map(|outcome| outcome.expect("each pending segment was decided")).collect())
            })
            .await
    }
}

fn check(segments: &[SegmentCommit]) -> Result<(), LogError> {
    let mut seen = BTreeSet::new();
    for segment in segments {
        segment.check()?;
        if !seen.insert(segment.object) {
            return Err(LogError::Repeated(segment.object));
        }
    }
    Ok(())
}

/// The rows that a commit reads.
struct CommitReads {
    objects: Vec<ObjectId>,
    partitions: BTreeSet<TopicPartition>,
    producers: BTreeSet<(TopicPartition, ProducerId)>,
    /// Those of them that write transactional batches.
    transactional: BTreeSet<(TopicPartition, ProducerId)>,
    /// Who writes those.
    writers: BTreeSet<ProducerId>,
    keys: Vec<Vec<u8>>,
    /// The keys of rows that others may change meanwhile: log starts, which are only reported, and how much belongs to
    /// the transactions.
    snapshot_keys: Vec<Vec<u8>>,
}

/// The contents of the rows that a commit reads.
struct CommitRows {
    /// The outcomes of the segments that were committed before.
    outcomes: Vec<Option<SegmentOutcome>>,
    /// The segments that are known already.
    known: BTreeSet<ObjectId>,
    state: CommitState,
}

impl CommitReads {
    fn of(segments: &[SegmentCommit]) -> Self {
        let objects: Vec<_> = segments.iter().map(|segment| segment.object).collect();
        let runs = || segments.iter().flat_map(|segment| &segment.runs);
        let partitions: BTreeSet<_> = runs().map(|run| run.partition).collect();
        let batches = runs().flat_map(|run| run.batches.iter().map(|batch| (run.partition, batch)));
        let producers: BTreeSet<_> = batches.clone().filter_map(|(of, batch)| Some((of, batch.producer?.id))).collect();
        let transactional = batches.filter_map(|(of, batch)| Some((of, batch.transaction()?.0.id)));
        let transactional: BTreeSet<_> = transactional.collect();
        let writers: BTreeSet<_> = transactional.iter().map(|(_, producer)| *producer).collect();
        let outcome_keys = objects.iter().map(|id| outcomes::outcome_key(*id, 0));
        let object_keys = objects.iter().map(|id| object_key(*id));
        let head_keys = partitions.iter().map(|partition| head_key(*partition));
        let window_keys = producers.iter().map(|(partition, producer)| window_key(*partition, *producer));
        let partition_keys = transactional.iter().map(|(partition, producer)| partition_key(*producer, *partition));
        let state_keys = writers.iter().copied().map(state_key);
        let keys = outcome_keys.chain(object_keys).chain(head_keys).chain(window_keys);
        let keys = keys.chain(partition_keys).chain(state_keys).collect();
        let start_keys = partitions.iter().map(|partition| start_key(*partition));
        let snapshot_keys = start_keys.chain(writers.iter().copied().map(member_count_key)).collect();
        Self { objects, partitions, producers, transactional, writers, keys, snapshot_keys }
    }

    async fn read(&self, tx: &Tx, segments: &[SegmentCommit]) -> Result<CommitRows, Error> {
        let (rows, others) =
            futures::future::try_join(tx.get_all(&self.keys), tx.get_all_snapshot(&self.snapshot_keys)).await?;
        let (starts, members_rows) = others.split_at(self.partitions.len());
        let (outcome_rows, rows) = rows.split_at(self.objects.len());
        let (object_rows, rows) = rows.split_at(self.objects.len());
        let (head_rows, rows) = rows.split_at(self.partitions.len());
        let (window_rows, rows) = rows.split_at(self.producers.len());
        let (partition_rows, state_rows) = rows.split_at(self.transactional.len());

        let mut outcomes = Vec::with_capacity(segments.len());
        for (segment, row) in segments.iter().zip(outcome_rows) {
            outcomes.push(match row {
                Some(_) => Some(read_outcome(tx, segment).await?),
                None => None,
            });
        }
        let known = self.objects.iter().zip(object_rows).filter(|(_, row)| row.is_some()).map(|(id, _)| *id).collect();
        let mut state = CommitState::default();
        for ((partition, head), start) in self.partitions.iter().zip(head_rows).zip(starts) {
            state.heads.extend(decode(head.clone(), start.clone())?.map(|head| (*partition, head)));
        }
        for (producer, row) in present(&self.producers, window_rows) {
            state.windows.insert(*producer, decode_window(row)?);
        }
        for (of, row) in present(&self.transactional, partition_rows) {
            state.transaction_partitions.insert(*of, decode_partition(row)?);
        }
        for ((producer, row), members) in self.writers.iter().zip(state_rows).zip(members_rows) {
            if let Some(row) = row {
                state.transactions.insert(*producer, decode_to_join(*producer, row, members.as_deref())?);
            }
        }
        Ok(CommitRows { outcomes, known, state })
    }
}

/// The items that have a row, with their rows.
fn present<'a, T: 'a>(
    of: impl IntoIterator<Item = &'a T>,
    rows: &'a [Option<Bytes>],
) -> impl Iterator<Item = (&'a T, &'a Bytes)> {
    of.into_iter().zip(rows).filter_map(|(of, row)| Some((of, row.as_ref()?)))
}

async fn read_outcome(tx: &Tx, segment: &SegmentCommit) -> Result<SegmentOutcome, Error> {
    let chunks = tx.range(outcomes::chunks(segment.object)).await?;
    let row: Vec<u8> = chunks.iter().flat_map(|(_, chunk)| chunk.iter().copied()).collect();
    Ok(outcomes::decode(segment, &row)?)
}

fn write<'a>(
    tx: &Tx,
    decided: &Commit,
    segments: impl Iterator<Item = &'a SegmentCommit>,
    now: Timestamp,
    limits: &CommitLimits,
) {
    let retire = Retire { now, grace: limits.retire_grace };
    for (partition, head) in &decided.heads {
        tx.set(&head_key(*partition), &encode_head(head));
    }
    for (partition, extent) in &decided.extents {
        tx.set(&extents::extent_key(*partition, extent.offsets.end), &extents::encode(extent));
    }
    for ((partition, producer), window) in &decided.windows {
        tx.set(&window_key(*partition, *producer), &encode_window(window));
    }
    for object in &decided.objects {
        add_object(tx, object.id, segment_object_key(object.id), object.bytes, object.references, retire);
    }
    // Segments that are too old have no object and no outcome row: a repeated commit decides the same about them.
    let mut made_known = decided.objects.iter().map(|object| object.id).peekable();
    for (segment, outcome) in segments.zip(&decided.outcomes) {
        if made_known.next_if_eq(&segment.object).is_some() {
            for (chunk, bytes) in split(&outcomes::encode(outcome)) {
                tx.set(&outcomes::outcome_key(segment.object, chunk), bytes);
            }
        }
    }
    if !decided.extents.is_empty() {
        feed::append(tx, now, FeedEntry::Commit { extents: decided.extents.clone(), stable: decided.unstable() });
    }
}

/// Conflicts with others that add to the same transactions if these have become large.
async fn see_members(tx: &Tx, decided: &Commit) -> Result<(), Error> {
    let large = decided.transactions.iter().filter(|(_, state)| state.members > TRANSACTION_MEMBERS_UNSEEN_MAX);
    let keys: Vec<_> = large.map(|(producer, _)| member_count_key(*producer)).collect();
    tx.get_all(&keys).await?;
    Ok(())
}

/// Writes what the commit has made of transactions.
fn write_transactions(tx: &Tx, decided: &Commit, found: &CommitState) {
    for ((partition, producer), first) in &decided.opened {
        tx.set(&partition_key(*producer, *partition), &encode_partition(Some(*first)));
        tx.set(&open_key(*partition, *first), &encode_open(*producer));
    }
    for (producer, state) in &decided.transactions {
        let before = found.transactions.get(producer).expect("only transactions that were read change");
        save_joined(tx, before, state);
    }
}
