//! Commits uploaded segments. A commit is retried until its result is known, or the segments are too old.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::keyspace::Error as MetastoreError;
use alluvium_metastore::kv::{Error as KvError, PendingObject};
use alluvium_metastore::log::{Log, LogError};
use alluvium_model::Offset;
use alluvium_model::log::{BatchAck, CommitLimits, SegmentCommit, SegmentOutcome};
use alluvium_runtime::Clock;

use super::open_segment::AppendReply;
use super::segment_pipeline::CommitPart;
use super::upload::Uploaded;
use super::{Ack, AppendResult, ProduceError};
use crate::recent_segments::RecentSegments;

/// The first pause between two tries; it doubles up to [`RETRY_PAUSE_MAX`].
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest pause between two tries: short compared with a producer's timeout.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Commits segments.
#[derive(Clone)]
pub struct Committer {
    /// The log that segments are committed to.
    pub log: Log,
    /// Where fetches at the end of the log find the batches.
    pub recent: RecentSegments,
    /// The current time, which determines a segment's age.
    pub clock: Arc<dyn Clock>,
    /// The limits that a commit obeys.
    pub limits: CommitLimits,
}

/// The result of one commit.
#[derive(Debug)]
pub struct Committed {
    /// Number of segments that the metastore decided on; they are the first ones.
    pub decided: usize,
    /// Why it did not decide on those after them, if there are any.
    pub outcome: Result<(), ProduceError>,
    /// The result of each batch.
    pub results: Vec<(AppendReply, AppendResult)>,
}

impl Committer {
    /// Commits `parts` in one transaction. If that is rejected as a whole, it commits them one by one up to the first
    /// that is rejected.
    pub async fn commit(&self, parts: Vec<CommitPart<Uploaded>>) -> Committed {
        let (mut segments, mut pending, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        for CommitPart { uploaded, replies: waiting } in parts {
            // Before the commit, because it wakes long polls, which should find the batches in memory.
            self.recent.insert(uploaded.recent);
            segments.push(uploaded.commit);
            pending.push(uploaded.pending);
            replies.push(waiting);
        }
        let mut committed = Committed { decided: 0, outcome: Ok(()), results: Vec::new() };
        match self.until_decided(&segments, pending.iter().flatten()).await {
            Ok(outcomes) => committed.acknowledge(outcomes, replies),
            Err(error) if segments.len() == 1 => committed.fail(replies.concat(), error),
            Err(_) => {
                let parts = segments.into_iter().zip(pending).zip(replies);
                self.commit_each(parts, &mut committed).await;
            }
        }
        committed
    }

    /// Commits no segment after one that failed, since its batches could overtake earlier ones of the same producer.
    async fn commit_each(
        &self,
        parts: impl Iterator<Item = ((SegmentCommit, Option<PendingObject>), Vec<AppendReply>)> + Send,
        committed: &mut Committed,
    ) {
        for ((segment, pending), replies) in parts {
            let decided = match &committed.outcome {
                Ok(()) => self.until_decided(&[segment], pending.iter()).await,
                Err(error) => Err(error.clone()),
            };
            match decided {
                Ok(outcomes) => committed.acknowledge(outcomes, vec![replies]),
                Err(error) => committed.fail(replies, error),
            }
        }
    }

    async fn until_decided(
        &self,
        segments: &[SegmentCommit],
        pending: impl Iterator<Item = &PendingObject> + Send,
    ) -> Result<Vec<SegmentOutcome>, ProduceError> {
        let pending: Vec<PendingObject> = pending.cloned().collect();
        let mut pause = RETRY_PAUSE_MIN;
        loop {
            let error = match self.log.commit_beside(segments, &pending, || self.clock.now(), &self.limits).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(error) => error,
            };
            let now = self.clock.now();
            let oldest = segments.iter().map(|segment| segment.object.created()).min().unwrap_or(now);
            let too_old = now > oldest.plus(self.limits.age_max);
            if too_old || !is_retryable(&error) {
                let segments = segments.len();
                if let LogError::Metastore(MetastoreError::Kv(KvError::ObjectNotWritten { .. })) = error {
                    // Whoever uploads it has logged why.
                    return Err(ProduceError::Upload(error.to_string()));
                }
                tracing::error!(%error, segments, "commit failed; its producers get a retriable error");
                return Err(ProduceError::Commit(error.to_string()));
            }
            tracing::warn!(%error, "commit failed; retrying");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
        }
    }
}

impl Committed {
    fn acknowledge(&mut self, outcomes: Vec<SegmentOutcome>, replies: Vec<Vec<AppendReply>>) {
        self.decided += outcomes.len();
        self.results.extend(outcomes.into_iter().zip(replies).flat_map(|(outcome, replies)| acks(outcome, replies)));
    }

    fn fail(&mut self, replies: Vec<AppendReply>, error: ProduceError) {
        self.results.extend(replies.into_iter().map(|reply| (reply, Err(error.clone()))));
        self.outcome = Err(error);
    }
}

fn is_retryable(error: &LogError) -> bool {
    match error {
        LogError::Metastore(error) => error.is_retryable(),
        LogError::Invalid(_) | LogError::Repeated(_) | LogError::Known(_) => false,
    }
}

/// One result per batch of the segment; `replies` are in the order of its batches.
fn acks(outcome: SegmentOutcome, replies: Vec<AppendReply>) -> Vec<(AppendReply, AppendResult)> {
    let batches = outcome.runs.into_iter().flat_map(|run| {
        let log_start = run.start;
        run.batches
            .into_iter()
            .map(move |batch| batch.map(|ack| ack_of(ack, log_start)).map_err(ProduceError::Rejected))
    });
    replies.into_iter().zip(batches).collect()
}

fn ack_of(ack: BatchAck, log_start: Offset) -> Ack {
    Ack { base_offset: ack.base, log_start, duplicate: ack.duplicate, timestamp: ack.timestamp }
}
