//! Committed offsets: admitted by the group, written under the fence that it was admitted under.

use std::time::Duration;

use alluvium_metastore::groups::SaveError;
use alluvium_metastore::offsets::CommittedOffset;
use alluvium_model::group::{Committer, GroupError, GroupId};
use alluvium_model::{Offset, TopicPartition};
use thiserror::Error;

use super::config::COMMIT_ATTEMPTS_MAX;
use super::coordinator::{Groups, any};
use super::request::{Admission, Request};

/// What is to be committed for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOffset {
    /// The next record to read.
    pub offset: Offset,
    /// The leader epoch of the last record read, where the consumer says it.
    pub leader_epoch: Option<i32>,
    /// Whatever the consumer wants to remember.
    pub metadata: String,
    /// How long it is to be kept, where the consumer says it (until version 4).
    pub retention: Option<Duration>,
}

/// Why one offset of a commit was not committed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommitRefusal {
    /// `OFFSET_METADATA_TOO_LARGE`.
    #[error("offset metadata of {bytes} bytes is over the limit of {limit}")]
    MetadataTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// Why one offset was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OffsetDeleteRefusal {
    /// `GROUP_SUBSCRIBED_TO_TOPIC`.
    #[error("the group is subscribed to the topic")]
    Subscribed,
}

impl Groups {
    /// Commits `offsets` of `group`: a verdict on each, in their order.
    ///
    /// # Errors
    /// Where the committer may not, or the store fails.
    pub async fn offset_commit(
        &self,
        group: &str,
        committer: Committer,
        offsets: Vec<(TopicPartition, NewOffset)>,
    ) -> Result<Vec<Result<(), CommitRefusal>>, GroupError> {
        let group = any(group)?;
        let limit = self.0.config.offset_metadata_bytes_max;
        let now = self.0.context.clock.now();
        let mut verdicts = Vec::with_capacity(offsets.len());
        let mut rows = Vec::with_capacity(offsets.len());
        for (partition, NewOffset { offset, leader_epoch, metadata, retention }) in offsets {
            let bytes = metadata.len();
            if bytes > limit {
                verdicts.push(Err(CommitRefusal::MetadataTooLarge { bytes, limit }));
                continue;
            }
            verdicts.push(Ok(()));
            let expires = retention.map(|retention| now.plus(retention));
            rows.push((partition, CommittedOffset { offset, leader_epoch, committed: now, expires, metadata }));
        }
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            let admit = |answer| Request::AdmitCommit(committer.clone(), answer);
            let admission: Admission = self.ask(&group, admit).await??;
            let Admission { lease, fence } = &admission;
            match self.0.offsets.commit(lease, &group, *fence, &rows).await {
                Ok(()) => return Ok(verdicts),
                // The group has moved on in between: may this one still commit?
                Err(SaveError::Fenced) => self.check(&group, admission).await?,
                Err(error) => return Err(unavailable(&error)),
            }
        }
        Err(GroupError::NotCoordinator)
    }

    /// What `group` has committed for `partitions`, in their order. Anyone may ask, in any state of the group.
    ///
    /// # Errors
    /// Where the group is coordinated elsewhere, or the store fails.
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
    /// Where the group is coordinated elsewhere, or the store fails.
    pub async fn offset_fetch_all(&self, group: &str) -> Result<Vec<(TopicPartition, CommittedOffset)>, GroupError> {
        self.0.offsets.fetch_all(&self.coordinated(group)?).await.map_err(|error| unavailable(&error))
    }

    /// Forgets what `group` has committed for `partitions` (with the names of their topics): a verdict on each.
    ///
    /// # Errors
    /// Where there is no such group, it has members that are not consumers, or the store fails.
    pub async fn offset_delete(
        &self,
        group: &str,
        partitions: &[(String, TopicPartition)],
    ) -> Result<Vec<Result<(), OffsetDeleteRefusal>>, GroupError> {
        let group = any(group)?;
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            let (subscriptions, admission) = self.ask(&group, Request::AdmitOffsetDelete).await??;
            let is_free = |(topic, _): &&(String, TopicPartition)| !subscriptions.contains(topic);
            let verdict = |named: &(String, TopicPartition)| {
                if is_free(&named) { Ok(()) } else { Err(OffsetDeleteRefusal::Subscribed) }
            };
            let free: Vec<TopicPartition> =
                partitions.iter().filter(is_free).map(|(_, partition)| *partition).collect();
            let Some(admission) = admission else { return Ok(partitions.iter().map(verdict).collect()) };
            let Admission { lease, fence } = &admission;
            match self.0.offsets.delete(lease, &group, *fence, &free).await {
                Ok(()) => return Ok(partitions.iter().map(verdict).collect()),
                Err(SaveError::Fenced) => self.check(&group, admission).await?,
                Err(error) => return Err(unavailable(&error)),
            }
        }
        Err(GroupError::NotCoordinator)
    }

    /// After the store refused `admission`: the group has moved on in memory, too; or it leaves memory, where it went stale, and
    /// whoever asks is sent to look for its coordinator, and finds it loaded afresh.
    async fn check(&self, group: &GroupId, admission: Admission) -> Result<(), GroupError> {
        let has_moved_on = self.ask(group, |answer| Request::Doubt(admission.clone(), answer)).await?;
        if has_moved_on { Ok(()) } else { Err(GroupError::NotCoordinator) }
    }
}

impl Groups {
    /// The group of this name, where clients are sent here with it.
    ///
    /// # Errors
    /// Where they are sent elsewhere, or no group can have this name.
    pub fn coordinated(&self, group: &str) -> Result<GroupId, GroupError> {
        let group = any(group)?;
        if self.0.context.ownership.is_placed_here(&group) { Ok(group) } else { Err(GroupError::NotCoordinator) }
    }
}

fn unavailable(error: &impl std::fmt::Display) -> GroupError {
    tracing::warn!(%error, "offsets cannot be served");
    GroupError::NotAvailable
}
