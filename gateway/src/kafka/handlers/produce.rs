//! Produce (0): appends one batch to each of some partitions.
//!
//! The batches are handed to the log in the order of the requests of their connection: that part of the work is done
//! when the request is started. Later requests need not wait until earlier ones are durable.
//!
//! - 3: the first version with batches of magic 2. Versions below are not served, although 0 is advertised, because
//!   librdkafka needs it (KAFKA-18659).
//! - 12: partitions that are written to belong to the transaction (KIP-890).
//! - 5: log start. 7: zstd. 8: errors of single records, and messages. 13: topics by id.
//! - If a batch is not durable within the client's timeout (acks = -1), the response says so; it may still be appended.
//! - Without acknowledgement (acks = 0) there is no response; a failure closes the connection.

use std::sync::Arc;
use std::time::Duration;

use alluvium_model::TopicId;
use alluvium_model::topic_config::TimestampType;
use alluvium_model::transaction::TransactionVersion;
use alluvium_wire::batch::{Batch, RecordFault};
use alluvium_wire::frame::RequestHeader;
use alluvium_wire::messages::produce::{
    BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceData, TopicProduceResponse,
};
use alluvium_wire::{ApiKey, DecodeError, ErrorCode};
use bytes::Bytes;
use futures::FutureExt;
use tokio::time::{Instant, timeout_at};

use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Call, CloseReason, Context, Handler, InFlight, Reply, decode, respond};
use crate::kafka::item_answers::{BatchResults, RequestItem};
use crate::metadata_cache::CachedTopic;
use crate::produce::validation::{InvalidBatch, ProduceRules, validate};
use crate::produce::{Ack, AppendOutcomes, PartitionAppend, Permit, ProduceError};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::Produce, 3..=13, start).pipelined();

/// The throttle time in responses while producers wait for admission: enough to be seen in the clients' metrics. What
/// holds the clients back is that their sockets are not read.
const THROTTLE_MS: i32 = 10;

/// acks = all: acknowledge when durable. (1 means the same here, except that there is no timeout.)
const ALL: i16 = -1;
/// The least timeout for a batch to become durable: an object store can take this long on a bad day, and a client that
/// allows less would never get anything written.
const TIMEOUT_MIN: Duration = Duration::from_secs(5);

/// From this version on, partitions that are written to belong to the transaction (KIP-890).
const IMPLICIT_ADD_VERSION: i16 = 12;

/// From this version on, clients abort a transaction by themselves if a batch does not belong to it.
const ABORTABLE_VERSION: i16 = 11;

/// Frames up to this size may be kept in memory for one small batch: such a frame is mostly names and headers.
const FRAME_SMALL_BYTES: usize = 1 << 10;

/// Why a partition's batch was not taken.
#[derive(Clone)]
struct PartitionFailure {
    error: ApiError,
    /// The records at fault, if some are.
    faults: Vec<RecordFault>,
}

/// A batch that was handed to the log.
struct Appended {
    /// The index of its partition.
    index: i32,
    /// Whether its records carry the time of the append.
    is_log_append_time: bool,
}

/// A topic of the request, with what becomes of the batch of each of its partitions.
struct PlannedTopic {
    name: String,
    topic_id: uuid::Uuid,
    partitions: Vec<RequestItem<PartitionProduceResponse, Appended>>,
}

fn start(call: Call) -> Result<InFlight, DecodeError> {
    let Call { context, header, body, permit } = call;
    let frame_bytes = body.len();
    let request: ProduceRequest = decode(body, header.version)?;
    let append_timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0)).max(TIMEOUT_MIN);
    let deadline = Instant::now() + append_timeout;
    if is_known(&context, &request) {
        let started = append(&context, request, permit, frame_bytes);
        let reply = async move { reply(&context, &header, started, deadline).await };
        return Ok(InFlight { reply: reply.boxed(), pipelined: true });
    }
    // An unknown topic may have been created by another agent a moment ago. Later requests wait.
    let reply = async move {
        context.agent.metadata_cache.catch_up_within(append_timeout).await;
        let started = append(&context, request, permit, frame_bytes);
        reply(&context, &header, started, deadline).await
    };
    Ok(InFlight::exclusive(reply.boxed()))
}

/// A request whose batches were handed to the log.
struct StartedAppend {
    acks: i16,
    topics: Vec<PlannedTopic>,
    /// `None` if no batch was taken.
    outcomes: Option<AppendOutcomes>,
}

async fn reply(context: &Context, header: &RequestHeader, started: StartedAppend, deadline: Instant) -> Reply {
    let StartedAppend { acks, topics, outcomes } = started;
    let outcomes = match outcomes {
        None => Some(Vec::new()),
        Some(outcomes) if acks == ALL => timeout_at(deadline, outcomes).await.ok(),
        Some(outcomes) => Some(outcomes.await),
    };
    let throttle_time_ms = if context.agent.produce.is_throttling() { THROTTLE_MS } else { 0 };
    let response = ProduceResponse {
        responses: responses(topics, outcomes, header.version),
        throttle_time_ms,
        ..Default::default()
    };
    if acks != 0 {
        return respond(header, &response);
    }
    match first_failure(&response) {
        None => Reply::NoResponse,
        Some(failed) => {
            Reply::Close(CloseReason::UnacknowledgedProduce(failed.error_message.clone().unwrap_or_default()))
        }
    }
}

/// If most of the frame was rejected, copies the batches out of it: batches stay in memory for much longer than their
/// request, and would keep the whole frame there.
fn detach(appends: &mut [PartitionAppend], frame_bytes: usize) {
    let batch_bytes: usize = appends.iter().map(|append| append.batch.len()).sum();
    if frame_bytes <= FRAME_SMALL_BYTES || batch_bytes >= frame_bytes / 2 {
        return;
    }
    for PartitionAppend { batch, .. } in appends {
        let copy = Bytes::from(batch.parts().concat());
        *batch = Batch::exactly_one(copy).expect("the bytes of a batch are a batch");
    }
}

fn append(context: &Context, request: ProduceRequest, permit: Option<Permit>, frame_bytes: usize) -> StartedAppend {
    let acks = request.acks;
    let (topics, mut appends) = plan(context, request);
    if appends.is_empty() {
        return StartedAppend { acks, topics, outcomes: None };
    }
    detach(&mut appends, frame_bytes);
    let permit = permit.expect("the frame reader gets a permit for every Produce before it reads it");
    StartedAppend { acks, topics, outcomes: Some(context.agent.produce.append(appends, permit)) }
}

/// Whether all partitions of the request are in the agent's metadata cache.
fn is_known(context: &Context, request: &ProduceRequest) -> bool {
    request.topic_data.iter().all(|requested| match find(context, &requested.name, requested.topic_id) {
        Ok(topic) => requested.partition_data.iter().all(|data| topic.partition(data.index).is_some()),
        Err(_) => false,
    })
}

/// The batches that are taken, in order, and the errors of the others.
fn plan(context: &Context, request: ProduceRequest) -> (Vec<PlannedTopic>, Vec<PartitionAppend>) {
    let acks = check_acks(request.acks);
    let mut appends = Vec::new();
    let mut unauthorized = None;
    let rules = ProduceRules { version: context.version, has_transactional_id: request.transactional_id.is_some() };
    let mut topics: Vec<PlannedTopic> = Vec::with_capacity(request.topic_data.len());
    for TopicProduceData { name, topic_id, partition_data } in request.topic_data {
        if partition_data.is_empty() {
            continue;
        }
        let topic = find(context, &name, topic_id).map(|topic| (topic, acks.clone()));
        let mut partitions = Vec::with_capacity(partition_data.len());
        for PartitionProduceData { index, records } in partition_data {
            partitions.push(match validate_partition(context, rules, &topic, index, records) {
                Ok((append, is_log_append_time)) => {
                    appends.push(append);
                    RequestItem::Batched(Appended { index, is_log_append_time })
                }
                Err(failure) => {
                    if failure.error.code == ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED {
                        unauthorized = Some(failure.clone());
                    }
                    RequestItem::Answered(failed(index, failure))
                }
            });
        }
        topics.push(PlannedTopic { name, topic_id, partitions });
    }
    if let Some(failure) = unauthorized {
        // Kafka rejects the whole request, too.
        appends.clear();
        fail_all(&mut topics, &failure);
    }
    (topics, appends)
}

/// Answers every partition with `failure`.
fn fail_all(topics: &mut [PlannedTopic], failure: &PartitionFailure) {
    for item in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        let index = match item {
            RequestItem::Answered(PartitionProduceResponse { index, .. })
            | RequestItem::Batched(Appended { index, .. }) => *index,
        };
        *item = RequestItem::Answered(failed(index, failure.clone()));
    }
}

fn check_acks(acks: i16) -> Result<(), ApiError> {
    if (-1..=1).contains(&acks) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::INVALID_REQUIRED_ACKS, "acks must be -1, 0 or 1"))
}

fn find(context: &Context, name: &str, id: uuid::Uuid) -> Result<Arc<CachedTopic>, ApiError> {
    let cache = &context.agent.metadata_cache;
    if context.version >= 13 {
        cache.topic_by_id(TopicId(id)).ok_or_else(ApiError::unknown_topic_id)
    } else {
        cache.topic_by_name(name).ok_or_else(ApiError::unknown_topic_or_partition)
    }
}

fn validate_partition(
    context: &Context,
    rules: ProduceRules,
    topic: &Result<(Arc<CachedTopic>, Result<(), ApiError>), ApiError>,
    index: i32,
    records: Option<Bytes>,
) -> Result<(PartitionAppend, bool), PartitionFailure> {
    let failure = |error| PartitionFailure { error, faults: Vec::new() };
    let (topic, acks) = topic.as_ref().map_err(|error| failure(error.clone()))?;
    let partition = topic.partition(index).ok_or_else(|| failure(ApiError::unknown_topic_or_partition()))?;
    acks.clone().map_err(failure)?;
    let batch = validate(records, &topic.configs, rules, context.agent.clock.now()).map_err(rejection)?;
    let is_log_append_time = topic.configs.timestamp_type == TimestampType::LogAppendTime;
    let version = if rules.version >= IMPLICIT_ADD_VERSION { TransactionVersion::V2 } else { TransactionVersion::V1 };
    let transactional = batch.header().attributes.is_transactional().then_some(version);
    Ok((PartitionAppend { partition, batch, transactional }, is_log_append_time))
}

fn rejection(invalid: InvalidBatch) -> PartitionFailure {
    let error = ApiError::from(invalid.clone());
    let faults = match invalid {
        InvalidBatch::Timestamp(faults) | InvalidBatch::Records(faults) => faults,
        InvalidBatch::Batch(_)
        | InvalidBatch::BaseOffset(_)
        | InvalidBatch::TooLarge { .. }
        | InvalidBatch::NoTransactionalId
        | InvalidBatch::NoProducer => Vec::new(),
    };
    PartitionFailure { error, faults }
}

/// The responses of all partitions. `outcomes`: of the batches that were taken, in order; `None` if they are not known
/// in time.
fn responses(
    topics: Vec<PlannedTopic>,
    outcomes: Option<Vec<Result<Ack, ProduceError>>>,
    version: i16,
) -> Vec<TopicProduceResponse> {
    let mut results = BatchResults::new(outcomes.unwrap_or_default());
    let mut partition = |item| {
        results.answer(item, |Appended { index, is_log_append_time }, outcome| match outcome {
            Some(Ok(ack)) => acknowledged(index, &ack, is_log_append_time),
            Some(Err(error)) => {
                failed(index, PartitionFailure { error: in_version(error, version), faults: Vec::new() })
            }
            None => {
                let late = ApiError::new(ErrorCode::REQUEST_TIMED_OUT, "not durable within the request's timeout");
                failed(index, PartitionFailure { error: late, faults: Vec::new() })
            }
        })
    };
    topics
        .into_iter()
        .map(|PlannedTopic { name, topic_id, partitions }| TopicProduceResponse {
            name,
            topic_id,
            partition_responses: partitions.into_iter().map(&mut partition).collect(),
        })
        .collect()
}

/// The error as a client of this version knows it (KIP-890).
fn in_version(error: ProduceError, version: i16) -> ApiError {
    let error = ApiError::from(error);
    if error.code == ErrorCode::INVALID_TXN_STATE && version >= ABORTABLE_VERSION {
        return ApiError { code: ErrorCode::TRANSACTION_ABORTABLE, ..error };
    }
    error
}

fn acknowledged(index: i32, ack: &Ack, is_log_append_time: bool) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        base_offset: ack.base_offset.0,
        // For a duplicate Kafka always returns the time.
        log_append_time_ms: if is_log_append_time || ack.duplicate { ack.timestamp.0 } else { -1 },
        log_start_offset: ack.log_start.0,
        ..Default::default()
    }
}

fn failed(index: i32, PartitionFailure { error, faults }: PartitionFailure) -> PartitionProduceResponse {
    let record_errors = faults
        .into_iter()
        .map(|fault| BatchIndexAndErrorMessage {
            batch_index: fault.index,
            batch_index_error_message: Some(fault.reason.to_string()),
        })
        .collect();
    PartitionProduceResponse {
        index,
        error_code: error.code,
        base_offset: -1,
        record_errors,
        error_message: Some(error.message),
        ..Default::default()
    }
}

fn first_failure(response: &ProduceResponse) -> Option<&PartitionProduceResponse> {
    let mut partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    partitions.find(|partition| partition.error_code != ErrorCode::NONE)
}

#[cfg(test)]
mod tests {
    use alluvium_model::TopicPartition;

    use super::*;

    fn append_of(frame: &Bytes, batch: &Bytes) -> Vec<PartitionAppend> {
        let slice = frame.slice(frame.len() - batch.len()..);
        let batch = Batch::exactly_one(slice).unwrap();
        vec![PartitionAppend { partition: TopicPartition::default(), batch, transactional: None }]
    }

    #[test]
    fn a_small_batch_does_not_keep_a_large_frame_whose_rest_was_rejected() {
        let batch = crate::tests::world::batch(&["small"]).bytes();
        let frame = Bytes::from([vec![0; 1 << 20], batch.to_vec()].concat());
        let mut appends = append_of(&frame, &batch);
        detach(&mut appends, frame.len());
        assert!(frame.is_unique());
        assert_eq!(appends[0].batch.bytes(), batch);
        let stamped = appends[0].batch.with_log_append_time(5);
        let mut appends = vec![PartitionAppend { batch: stamped.clone(), ..appends.remove(0) }];
        detach(&mut appends, frame.len());
        assert_eq!(appends[0].batch.bytes(), stamped.bytes());
        appends[0].batch.validate().unwrap();
    }

    #[test]
    fn a_frame_that_is_mostly_batches_is_not_copied() {
        let batch = crate::tests::world::batch(&["v".repeat(5_000).as_str()]).bytes();
        let frame = Bytes::from([vec![0; 100], batch.to_vec()].concat());
        let mut appends = append_of(&frame, &batch);
        detach(&mut appends, frame.len());
        assert!(!frame.is_unique());
    }
}
