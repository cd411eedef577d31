//! Produce (0): appends one batch to each of some partitions.
//!
//! The batches join the log in the order of the requests of their connection: that part of the work is done when the
//! request is started. Later ones need not wait for earlier ones to be durable.
//!
//! - 3: the first with batches of magic 2; below, no answer, although 0 is advertised for librdkafka's sake (KAFKA-18659).
//! - 5: log start. 7: zstd. 8: faults of single records, and messages. 13: topics by id.
//! - Where durability takes longer than the client allows, it is told so (acks = -1); the batches may still join the log.
//! - Without acknowledgement (acks = 0) nothing is answered; failures close the connection.

use std::sync::Arc;
use std::time::Duration;

use alluvium_model::TopicId;
use alluvium_model::topic_config::TimestampType;
use alluvium_wire::batch::{Batch, RecordFault};
use alluvium_wire::frame::RequestHeader;
use alluvium_wire::messages::produce::{
    BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceData, TopicProduceResponse,
};
use alluvium_wire::{ApiKey, ErrorCode};
use bytes::Bytes;
use futures::FutureExt;
use tokio::time::{Instant, timeout_at};

use crate::kafka::dispatch::{Begun, Call, Closing, Context, Handler, Reply, Started, decode, respond};
use crate::kafka::errors::Refused;
use crate::metadata_cache::CachedTopic;
use crate::produce::validation::{InvalidBatch, validate};
use crate::produce::{Ack, AppendOutcomes, PartitionAppend, Permit, ProduceError};

pub const HANDLER: Handler = Handler::new(ApiKey::Produce, 3..=13, start).overlapping();

/// Told to clients while others wait for admission: enough to be seen in their metrics. What holds them back is that their
/// sockets are not read.
const THROTTLE_MS: i32 = 10;

/// Acknowledge when durable everywhere. (Anything else but 0 means the same here, except that there is no timeout.)
const ALL: i16 = -1;
/// The least time for a batch to become durable: an object store answers no faster than this on a bad day, and a client
/// that allows less would never get anything written.
const TIMEOUT_MIN: Duration = Duration::from_secs(5);

/// Frames up to this size may be kept whole for the sake of one small batch: names and headers are most of such a frame.
const FRAME_SMALL_BYTES: usize = 1 << 10;

/// What became of one partition's batch so far, and where its answer goes.
struct Slot {
    index: i32,
    state: State,
}

enum State {
    /// On its way into the log. `stamped`: its records carry the time of the append.
    Joined {
        stamped: bool,
    },
    Refused(PartitionRefusal),
}

#[derive(Clone)]
struct PartitionRefusal {
    refused: Refused,
    faults: Vec<RecordFault>,
}

struct TopicSlots {
    name: String,
    topic_id: uuid::Uuid,
    slots: Vec<Slot>,
}

fn start(call: Call) -> Started {
    let Call { context, header, body, permit } = call;
    let frame_bytes = body.len();
    let request: ProduceRequest = decode(body, header.version)?;
    let patience = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0)).max(TIMEOUT_MIN);
    let deadline = Instant::now() + patience;
    if is_known(&context, &request) {
        let joined = join(&context, request, permit, frame_bytes);
        let reply = async move { answered(&context, &header, joined, deadline).await };
        return Ok(Begun { reply: reply.boxed(), overlaps: true });
    }
    // What is not known here may have been created by another agent a moment ago. Who comes next waits.
    let reply = async move {
        context.agent.metadata_cache.catch_up_within(patience).await;
        let joined = join(&context, request, permit, frame_bytes);
        answered(&context, &header, joined, deadline).await
    };
    Ok(Begun::alone(reply.boxed()))
}

/// Batches that have joined the log's line, and those that have not.
struct Joined {
    acks: i16,
    topics: Vec<TopicSlots>,
    /// `None` where no batch has.
    outcomes: Option<AppendOutcomes>,
}

async fn answered(context: &Context, header: &RequestHeader, joined: Joined, deadline: Instant) -> Reply {
    let Joined { acks, topics, outcomes } = joined;
    let outcomes = match outcomes {
        None => Some(Vec::new()),
        Some(outcomes) if acks == ALL => timeout_at(deadline, outcomes).await.ok(),
        Some(outcomes) => Some(outcomes.await),
    };
    let throttle_time_ms = if context.agent.produce.is_throttling() { THROTTLE_MS } else { 0 };
    let response = ProduceResponse { responses: answers(topics, outcomes), throttle_time_ms, ..Default::default() };
    match (acks, first_failure(&response)) {
        (0, None) => Reply::Silence,
        (0, Some(failed)) => {
            Reply::Close(Closing::UnacknowledgedProduce(failed.error_message.clone().unwrap_or_default()))
        }
        (_, failed) => {
            respond(header, &response).telling(failed.map_or(ErrorCode::NONE, |partition| partition.error_code))
        }
    }
}

/// Where most of the frame was refused, the rest is copied out of it: batches are kept in memory for much longer than
/// their request, and would keep all of it.
fn detach(joining: &mut [PartitionAppend], frame_bytes: usize) {
    let kept: usize = joining.iter().map(|append| append.batch.len()).sum();
    if frame_bytes <= FRAME_SMALL_BYTES || kept >= frame_bytes / 2 {
        return;
    }
    for PartitionAppend { batch, .. } in joining {
        let copy = Bytes::from(batch.parts().concat());
        *batch = Batch::exactly_one(copy).expect("the bytes of a batch are a batch");
    }
}

fn join(context: &Context, request: ProduceRequest, permit: Option<Permit>, frame_bytes: usize) -> Joined {
    let acks = request.acks;
    let (topics, mut joining) = plan(context, request);
    if joining.is_empty() {
        return Joined { acks, topics, outcomes: None };
    }
    detach(&mut joining, frame_bytes);
    let permit = permit.expect("the frame reader admits every Produce before it reads it");
    Joined { acks, topics, outcomes: Some(context.agent.produce.append(joining, permit)) }
}

/// Whether all partitions of the request are in the agent's cached.
fn is_known(context: &Context, request: &ProduceRequest) -> bool {
    request.topic_data.iter().all(|asked| match find(context, &asked.name, asked.topic_id) {
        Ok(topic) => asked.partition_data.iter().all(|data| topic.partition(data.index).is_some()),
        Err(_) => false,
    })
}

/// Which batches are let in, in order, and what the others are told.
fn plan(context: &Context, request: ProduceRequest) -> (Vec<TopicSlots>, Vec<PartitionAppend>) {
    let acks = check_acks(request.acks);
    let mut joining = Vec::new();
    let mut transactional = None;
    let mut topics: Vec<TopicSlots> = Vec::with_capacity(request.topic_data.len());
    for TopicProduceData { name, topic_id, partition_data } in request.topic_data {
        if partition_data.is_empty() {
            continue;
        }
        let topic = find(context, &name, topic_id).map(|topic| (topic, acks.clone()));
        let mut slots = Vec::with_capacity(partition_data.len());
        for PartitionProduceData { index, records } in partition_data {
            let state = match let_in(context, &topic, index, records) {
                Ok((append, stamped)) => {
                    joining.push(append);
                    State::Joined { stamped }
                }
                Err(refusal) => {
                    if refusal.refused.code == ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED {
                        transactional = Some(refusal.clone());
                    }
                    State::Refused(refusal)
                }
            };
            slots.push(Slot { index, state });
        }
        topics.push(TopicSlots { name, topic_id, slots });
    }
    if let Some(refusal) = transactional {
        // Kafka refuses the whole request, too.
        joining.clear();
        for slot in topics.iter_mut().flat_map(|topic| &mut topic.slots) {
            slot.state = State::Refused(refusal.clone());
        }
    }
    (topics, joining)
}

fn check_acks(acks: i16) -> Result<(), Refused> {
    if (-1..=1).contains(&acks) {
        return Ok(());
    }
    Err(Refused::new(ErrorCode::INVALID_REQUIRED_ACKS, "acks must be -1, 0 or 1"))
}

fn find(context: &Context, name: &str, id: uuid::Uuid) -> Result<Arc<CachedTopic>, Refused> {
    let metadata_cache = &context.agent.metadata_cache;
    if context.version >= 13 {
        metadata_cache.topic_by_id(TopicId(id)).ok_or_else(Refused::unknown_topic_id)
    } else {
        metadata_cache.topic_by_name(name).ok_or_else(Refused::unknown_topic_or_partition)
    }
}

fn let_in(
    context: &Context,
    topic: &Result<(Arc<CachedTopic>, Result<(), Refused>), Refused>,
    index: i32,
    records: Option<Bytes>,
) -> Result<(PartitionAppend, bool), PartitionRefusal> {
    let plain = |refused| PartitionRefusal { refused, faults: Vec::new() };
    let (topic, acks) = topic.as_ref().map_err(|refused| plain(refused.clone()))?;
    let partition = topic.partition(index).ok_or_else(|| plain(Refused::unknown_topic_or_partition()))?;
    acks.clone().map_err(plain)?;
    let batch = validate(records, &topic.configs, context.version, context.agent.clock.now()).map_err(refusal)?;
    let stamped = topic.configs.timestamp_type == TimestampType::LogAppendTime;
    Ok((PartitionAppend { partition, batch }, stamped))
}

fn refusal(refusal: InvalidBatch) -> PartitionRefusal {
    let refused = Refused::from(refusal.clone());
    let faults = match refusal {
        InvalidBatch::Timestamp(faults) | InvalidBatch::Records(faults) => faults,
        InvalidBatch::Batch(_)
        | InvalidBatch::BaseOffset(_)
        | InvalidBatch::TooLarge { .. }
        | InvalidBatch::Transactional => Vec::new(),
    };
    PartitionRefusal { refused, faults }
}

/// `outcomes`: of the batches that joined, in order; `None` where they are not known in time.
fn answers(topics: Vec<TopicSlots>, outcomes: Option<Vec<Result<Ack, ProduceError>>>) -> Vec<TopicProduceResponse> {
    let mut outcomes = outcomes.into_iter().flatten();
    let mut partition = |slot: Slot| match slot.state {
        State::Refused(refusal) => refused(slot.index, refusal),
        State::Joined { stamped } => match outcomes.next() {
            Some(Ok(ack)) => acknowledged(slot.index, &ack, stamped),
            Some(Err(error)) => refused(slot.index, PartitionRefusal { refused: error.into(), faults: Vec::new() }),
            None => {
                let late = Refused::new(ErrorCode::REQUEST_TIMED_OUT, "not durable within the request's timeout");
                refused(slot.index, PartitionRefusal { refused: late, faults: Vec::new() })
            }
        },
    };
    topics
        .into_iter()
        .map(|TopicSlots { name, topic_id, slots }| TopicProduceResponse {
            name,
            topic_id,
            partition_responses: slots.into_iter().map(&mut partition).collect(),
        })
        .collect()
}

fn acknowledged(index: i32, ack: &Ack, stamped: bool) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        base_offset: ack.base_offset.0,
        // Of a duplicate Kafka tells the time always.
        log_append_time_ms: if stamped || ack.duplicate { ack.timestamp.0 } else { -1 },
        log_start_offset: ack.log_start.0,
        ..Default::default()
    }
}

fn refused(index: i32, PartitionRefusal { refused, faults }: PartitionRefusal) -> PartitionProduceResponse {
    let record_errors = faults
        .into_iter()
        .map(|fault| BatchIndexAndErrorMessage {
            batch_index: fault.index,
            batch_index_error_message: Some(fault.reason.to_string()),
        })
        .collect();
    PartitionProduceResponse {
        index,
        error_code: refused.code,
        base_offset: -1,
        record_errors,
        error_message: Some(refused.message),
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

    fn appends(frame: &Bytes, batch: &Bytes) -> Vec<PartitionAppend> {
        let slice = frame.slice(frame.len() - batch.len()..);
        let batch = Batch::exactly_one(slice).unwrap();
        vec![PartitionAppend { partition: TopicPartition::default(), batch }]
    }

    #[test]
    fn a_small_batch_does_not_keep_a_large_frame_of_which_the_rest_was_refused() {
        let batch = crate::tests::world::batch(&["small"]).bytes();
        let frame = Bytes::from([vec![0; 1 << 20], batch.to_vec()].concat());
        let mut joining = appends(&frame, &batch);
        detach(&mut joining, frame.len());
        assert!(frame.is_unique());
        assert_eq!(joining[0].batch.bytes(), batch);
        let stamped = joining[0].batch.with_log_append_time(5);
        let mut joining = vec![PartitionAppend { batch: stamped.clone(), ..joining.remove(0) }];
        detach(&mut joining, frame.len());
        assert_eq!(joining[0].batch.bytes(), stamped.bytes());
        joining[0].batch.validate().unwrap();
    }

    #[test]
    fn a_frame_that_is_mostly_batches_is_not_copied() {
        let batch = crate::tests::world::batch(&["v".repeat(5_000).as_str()]).bytes();
        let frame = Bytes::from([vec![0; 100], batch.to_vec()].concat());
        let mut joining = appends(&frame, &batch);
        detach(&mut joining, frame.len());
        assert!(!frame.is_unique());
    }
}
