//! Committed offsets: the group's task admits a commit, which is then written under the fence it was admitted under.

use std::collections::HashSet;
use std::time::Duration;

use alluvium_metastore::groups::SaveError;
use alluvium_metastore::offsets::CommittedOffset;
use alluvium_metastore::transactions::{TransactionFailure, TransactionOffsets};
use alluvium_model::group::{Committer, GroupError, GroupId};
use alluvium_model::transaction::{TransactionVersion, TransactionalId, TransactionalProducer};
use alluvium_model::{Offset, TopicPartition};
use thiserror::Error;

use super::config::COMMIT_ATTEMPTS_MAX;
use super::coordinator::{Groups, group_id};
use super::request::{Admission, Request};

/// The offset to be committed for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOffset {
    /// The next record to read.
    pub offset: Offset,
    /// The leader epoch of the last record read, if the consumer gave it.
    pub leader_epoch: Option<i32>,
    /// A string of the consumer's own.
    pub metadata: String,
    /// How long the offset is to be kept, if the consumer gave it (OffsetCommit until version 4).
    pub retention: Option<Duration>,
}

/// Why one offset of a commit was not committed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OffsetCommitError {
    /// Its metadata string is too long.
    #[error("offset metadata of {bytes} bytes is over the limit of {limit}")]
    MetadataTooLarge {
        /// The length of the metadata.
        bytes: usize,
        /// `offset.metadata.max.bytes`.
        limit: usize,
    },
}

/// One result for each offset of a commit.
type OffsetResults = Vec<Result<(), OffsetCommitError>>;

/// The transaction that offsets are committed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionCommit {
    /// The transactional id.
    pub id: TransactionalId,
    /// Who asks.
    pub producer: TransactionalProducer,
    /// The rules that it follows.
    pub version: TransactionVersion,
}

/// Why offsets are not added to a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransactionCommitError {
    /// The group does not admit it.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The transaction does not, or the store failed.
    #[error(transparent)]
    Transaction(#[from] TransactionFailure),
}

/// What came of an attempt to write offsets.
enum Written {
    /// They are committed.
    Committed,
    /// The group has changed since this was admitted: nothing was written.
    Fenced(Admission),
}

/// Why one offset was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OffsetDeleteError {
    /// A member of the group is subscribed to the topic.
    #[error("the group is subscribed to the topic")]
    Subscribed,
}

impl Groups {
    /// Commits `offsets` of `group`: one result per offset, in their order.
    ///
    /// # Errors
    /// If the committer may not commit, or the store fails.
    pub async fn offset_commit(
        &self,
        group: &str,
        committer: Committer,
        offsets: Vec<(TopicPartition, NewOffset)>,
    ) -> Result<Vec<Result<(), OffsetCommitError>>, GroupError> {
        let group = group_id(group)?;
        let (results, rows) = self.rows(offsets);
        let (group, rows) = (&group, &rows);
        let commit = |admission: Admission| async move {
            match self.0.offsets.commit(&admission.lease, group, admission.fence, rows).await {
                Ok(()) => Ok(Written::Committed),
                Err(SaveError::Fenced) => Ok(Written::Fenced(admission)),
                Err(error) => Err(unavailable(&error)),
            }
        };
        self.commit_admitted(group, &committer, commit).await?;
        Ok(results)
    }

    /// Adds `offsets` of `group` to a transaction, with which they are committed: one result per offset, in their order.
    ///
    /// # Errors
    /// If the committer may not commit, the transaction's rules refuse it, or the store fails.
    pub async fn transaction_offset_commit(
        &self,
        group: &str,
        committer: Committer,
        transaction: TransactionCommit,
        offsets: Vec<(TopicPartition, NewOffset)>,
    ) -> Result<Vec<Result<(), OffsetCommitError>>, TransactionCommitError> {
        let group = group_id(group)?;
        let (results, rows) = self.rows(offsets);
        let TransactionCommit { id, producer, version } = &transaction;
        let pending = TransactionOffsets { id, producer: *producer, version: *version, group: &group, offsets: &rows };
        let commit = |admission: Admission| async move {
            let now = self.0.context.clock.now();
            match self.0.transactions.commit_offsets(&admission.lease, admission.fence, pending, now).await {
                Ok(()) => Ok(Written::Committed),
                Err(TransactionFailure::GroupFenced) => Ok(Written::Fenced(admission)),
                Err(failure) => Err(TransactionCommitError::from(failure)),
            }
        };
        self.commit_admitted(&group, &committer, commit).await?;
        Ok(results)
    }

    /// Commits by `commit` what the group admits from `committer`, again if the group has changed in between.
    async fn commit_admitted<E: From<GroupError>, Attempt: Future<Output = Result<Written, E>>>(
        &self,
        group: &GroupId,
        committer: &Committer,
        commit: impl Fn(Admission) -> Attempt,
    ) -> Result<(), E> {
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            let admit = |answer| Request::AdmitCommit(committer.clone(), answer);
            let admission: Admission = self.ask(group, admit).await??;
            match commit(admission).await? {
                Written::Committed => return Ok(()),
                // May this committer still commit?
                Written::Fenced(admission) => self.revalidate(group, admission).await?,
            }
        }
        Err(GroupError::NotCoordinator.into())
    }

    /// One result for each of `offsets`, and the rows of those that may be committed.
    fn rows(
        &self,
        offsets: Vec<(TopicPartition, NewOffset)>,
    ) -> (OffsetResults, Vec<(TopicPartition, CommittedOffset)>) {
        let limit = self.0.config.offset_metadata_bytes_max;
        let now = self.0.context.clock.now();
        let mut results = Vec::with_capacity(offsets.len());
        let mut rows = Vec::with_capacity(offsets.len());
        for (partition, NewOffset { offset, leader_epoch, metadata, retention }) in offsets {
            let bytes = metadata.len();
            if bytes > limit {
                results.push(Err(OffsetCommitError::MetadataTooLarge { bytes, limit }));
                continue;
            }
            results.push(Ok(()));
            let expires = retention.map(|retention| now.plus(retention));
            rows.push((partition, CommittedOffset { offset, leader_epoch, committed: now, expires, metadata }));
        }
        (results, rows)
    }

    /// The partitions for which `group` has offsets in open transactions.
    ///
    /// # Errors
    /// If the group is coordinated elsewhere, or the store fails.
    pub async fn pending_offsets(&self, group: &str) -> Result<HashSet<TopicPartition>, GroupError> {
        let group = self.coordinated(group)?;
        let pending = self.0.offsets.pending(&group).await.map_err(|error| unavailable(&error))?;
        Ok(pending.into_iter().collect())
    }

    /// What `group` has committed for `partitions`, in their order. Allowed for any client, in any state of
    /// the group.
    ///
    /// # Errors
    /// If the group is coordinated elsewhere, or the store fails.
    pub async fn offset_fetch(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<CommittedOffset>>, GroupError> {
        self.0.offsets.fetch(&self.coordinated(group)?, partitions).await.map_err(|error| unavailable(&error))
    }

    /// All that `group` has committed, by topic and partition.
    ///
    /// # Errors
    /// If the group is coordinated elsewhere, or the store fails.
    pub async fn offset_fetch_all(&self, group: &str) -> Result<Vec<(TopicPartition, CommittedOffset)>, GroupError> {
        self.0.offsets.fetch_all(&self.coordinated(group)?).await.map_err(|error| unavailable(&error))
    }

    /// Deletes what `group` has committed for `partitions` (with the names of their topics): one result per partition.
    ///
    /// # Errors
    /// If the group does not exist, it has members that are not consumers, or the store fails.
    pub async fn offset_delete(
        &self,
        group: &str,
        partitions: &[(String, TopicPartition)],
    ) -> Result<Vec<Result<(), OffsetDeleteError>>, GroupError> {
        let group = group_id(group)?;
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            let (subscriptions, admission) = self.ask(&group, Request::AdmitOffsetDelete).await??;
            let is_deletable = |(topic, _): &&(String, TopicPartition)| !subscriptions.contains(topic);
            let result = |named: &(String, TopicPartition)| {
                if is_deletable(&named) { Ok(()) } else { Err(OffsetDeleteError::Subscribed) }
            };
            let deletable: Vec<TopicPartition> =
                partitions.iter().filter(is_deletable).map(|(_, partition)| *partition).collect();
            let Some(admission) = admission else { return Ok(partitions.iter().map(result).collect()) };
            let Admission { lease, fence } = &admission;
            match self.0.offsets.delete(lease, &group, *fence, &deletable).await {
                Ok(()) => return Ok(partitions.iter().map(result).collect()),
                Err(SaveError::Fenced) => self.revalidate(&group, admission).await?,
                Err(error) => return Err(unavailable(&error)),
            }
        }
        Err(GroupError::NotCoordinator)
    }

    /// To be called after the store fenced `admission`. If the group in memory has changed as well, the request may be
    /// admitted again. If not, memory is stale: the group leaves it, and the client looks for the coordinator again and
    /// finds the group loaded afresh.
    async fn revalidate(&self, group: &GroupId, admission: Admission) -> Result<(), GroupError> {
        let has_changed = self.ask(group, |answer| Request::Revalidate(admission.clone(), answer)).await?;
        if has_changed { Ok(()) } else { Err(GroupError::NotCoordinator) }
    }

    /// The id of the group of this name, if this agent coordinates it.
    ///
    /// # Errors
    /// If another agent coordinates it, or no group can have this name.
    pub fn coordinated(&self, group: &str) -> Result<GroupId, GroupError> {
        let group = group_id(group)?;
        if self.0.context.ownership.is_coordinator(&group) { Ok(group) } else { Err(GroupError::NotCoordinator) }
    }
}

fn unavailable(error: &impl std::fmt::Display) -> GroupError {
    tracing::warn!(%error, "offsets cannot be read or written; clients retry");
    GroupError::NotAvailable
}
