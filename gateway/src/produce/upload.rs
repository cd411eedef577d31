//! Encodes a sealed segment, builds its commit, and uploads it as an object.

use std::sync::Arc;

use alluvium_metastore::kv::PendingObject;
use alluvium_metastore::nodes::Session;
use alluvium_model::log::{BatchCommit, ProducerBatch, RunCommit, SegmentCommit};
use alluvium_model::transaction::TransactionVersion;
use alluvium_model::{ObjectId, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicPartition, object_key};
use alluvium_objects::{ErrorKind, Objects};
use alluvium_runtime::{Clock, Rng};
use alluvium_segment::{BatchFacts, BatchInput, ProducerRun, RunInput};
use alluvium_wire::batch::Batch;
use bytes::Bytes;
use tokio::sync::Notify;

use super::ProduceError;
use super::open_segment::{Contents, PendingBatch};
use crate::recent_segments::{Frame, RecentSegment};

/// A segment that is not yet committed. Its object is durable, or `pending`.
#[derive(Debug)]
pub struct Uploaded {
    /// The commit of this segment.
    pub commit: SegmentCommit,
    /// Its batches, for fetches at the end of the log.
    pub recent: RecentSegment,
    /// Tells the commit when the object is durable; `None` if it is.
    pub pending: Option<PendingObject>,
}

/// A segment that is ready to be uploaded.
#[derive(Debug)]
pub struct EncodedSegment {
    /// The key of its object.
    pub key: String,
    /// The bytes of its object.
    pub parts: Vec<Bytes>,
    /// What its commit needs.
    pub uploaded: Uploaded,
}

/// Uploads segments with ids that contain this agent's node id.
#[derive(Clone)]
pub struct Uploader {
    /// The object store.
    pub objects: Objects,
    /// This agent's registration: its node id is part of each object's id.
    pub session: Session,
    /// Gives each object its time of creation.
    pub clock: Arc<dyn Clock>,
    /// Makes object ids unique.
    pub rng: Arc<dyn Rng>,
}

impl Uploader {
    /// Encodes one segment.
    pub fn encode(&self, contents: Contents) -> Result<EncodedSegment, ProduceError> {
        let (created, writer) = (self.clock.now(), self.session.node().id.0.unsigned_abs());
        let object = ObjectId::new(created, writer, self.rng.next_u64());
        let versions = |run: &Vec<PendingBatch>| run.iter().map(|pending| pending.transactional).collect();
        let transactional: Vec<Vec<Option<TransactionVersion>>> = contents.runs.values().map(versions).collect();
        let runs: Vec<(TopicPartition, Vec<Batch>)> = contents
            .runs
            .into_iter()
            .map(|(partition, run)| (partition, run.into_iter().map(|pending| pending.batch).collect()))
            .collect();
        let inputs = runs.iter().map(|(partition, batches)| run_input(*partition, batches)).collect();
        let encoded = alluvium_segment::encode(writer, created, inputs)
            .map_err(|error| ProduceError::Upload(error.to_string()))?;
        let commit = segment_commit(object, &encoded, &runs, &transactional);
        let starts = commit.runs.iter().map(|run| run.position.start);
        let recent = RecentSegment::new(object, frame(&encoded), starts.zip(runs));
        let uploaded = Uploaded { commit, recent, pending: None };
        Ok(EncodedSegment { key: object_key::segment(object), parts: encoded.parts, uploaded })
    }

    /// Uploads the object of a segment. Retries and the time limit are the object store's own policy. `written` is
    /// notified if the store has room for it and only waits for its disk.
    pub async fn upload(&self, key: &str, parts: Vec<Bytes>, written: &Arc<Notify>) -> Result<(), ProduceError> {
        match self.objects.put_name_first(key, parts, written).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind == ErrorKind::Suspended => Err(ProduceError::Degraded),
            Err(error) => {
                tracing::warn!(%error, key, "segment upload failed; its producers get a retriable error");
                Err(ProduceError::Upload(error.to_string()))
            }
        }
    }
}

fn frame(encoded: &alluvium_segment::EncodedSegment) -> Frame {
    let part = |part: Option<&Bytes>| part.cloned().unwrap_or_default();
    Frame { header: part(encoded.parts.first()), footer: part(encoded.parts.last()) }
}

fn run_input(partition: TopicPartition, batches: &[Batch]) -> RunInput {
    let input = |batch: &Batch| BatchInput { parts: batch.parts(), facts: facts(batch) };
    RunInput { partition, batches: batches.iter().map(input).collect() }
}

fn segment_commit(
    object: ObjectId,
    encoded: &alluvium_segment::EncodedSegment,
    runs: &[(TopicPartition, Vec<Batch>)],
    transactional: &[Vec<Option<TransactionVersion>>],
) -> SegmentCommit {
    let runs = encoded.runs.iter().zip(runs).zip(transactional).map(|((run, (partition, batches)), versions)| {
        assert_eq!(run.partition, *partition, "runs are encoded in the order of partitions");
        RunCommit {
            partition: *partition,
            position: run.position.clone(),
            batches: batches.iter().zip(versions).map(|(batch, version)| batch_commit(batch, *version)).collect(),
        }
    });
    SegmentCommit { object, bytes: encoded.bytes, runs: runs.collect() }
}

fn batch_commit(batch: &Batch, transactional: Option<TransactionVersion>) -> BatchCommit {
    let BatchFacts { records, timestamps, producer } = facts(batch);
    BatchCommit {
        records,
        bytes: u32::try_from(batch.len()).expect("a batch's length is an i32"),
        timestamps,
        producer: producer.map(|ProducerRun { id, epoch, first, last }| ProducerBatch { id, epoch, first, last }),
        transactional,
    }
}

/// The facts about a validated batch that the footer and the commit contain, taken from its header.
fn facts(batch: &Batch) -> BatchFacts {
    use alluvium_wire::batch::TimestampType;
    let header = batch.header();
    let latest = Timestamp(header.max_timestamp);
    let earliest = match header.attributes.timestamp_type() {
        TimestampType::LogAppendTime => latest,
        TimestampType::CreateTime => latest.min(Timestamp(header.base_timestamp)),
    };
    let producer = (header.producer_id >= 0).then(|| ProducerRun {
        id: ProducerId(header.producer_id),
        epoch: ProducerEpoch(header.producer_epoch),
        first: Sequence(header.base_sequence),
        last: Sequence(header.base_sequence).plus(header.last_offset_delta),
    });
    BatchFacts { records: header.record_count.unsigned_abs(), timestamps: (earliest, latest), producer }
}
