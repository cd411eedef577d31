//! Fetch (1): reads record batches from partitions, and waits for them if there are none yet.
//!
//! - 4: isolation levels. The list of aborted transactions is empty: their records are not sent to committed readers.
//! - 5: log start. 9: the client's leader epoch, either unknown or the only one there is.
//! - 7: sessions (KIP-227), one for each connection.
//! - 11: the consumer's rack, and the preferred replica (KIP-392).
//! - 13: topics by id. The fields of replicas are ignored: there are none.
//!
//! The response is sent at once if there is data, or an error in any partition. The first batch is returned whole,
//! however large (KIP-74).

use std::sync::Arc;
use std::time::Duration;

use alluvium_model::Offset;
use alluvium_model::limits::LEADER_EPOCH;
use alluvium_wire::messages::fetch::{
    FetchPartition as RequestedPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse,
    PartitionData,
};
use alluvium_wire::{ApiKey, ErrorCode, RecordsField};

use crate::fetch::{FetchAnswer, FetchPartition, FetchPlan, FetchedPartition};
use crate::kafka::errors::{ApiError, HasErrorCode};
use crate::kafka::handler::{Context, Handler, answer_with_memory};
use crate::kafka::item_answers::{BatchResults, RequestItem};
use crate::kafka::rack_aware_fetch::RackAwareFetch;
use crate::kafka::topic_lookup::TopicLookup;
use crate::kafka::topology::check_epoch;
use crate::memory::Permit;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::Fetch, 4..=18, |call| answer_with_memory(call, handle)).long_poll();

/// Longest wait for records; most clients ask for half a second.
const WAIT_MAX: Duration = Duration::from_secs(300);
const READ_COMMITTED: i8 = 1;

/// The response, and the memory that its records hold.
async fn handle(context: Context, mut request: FetchRequest) -> (FetchResponse, Option<Permit>) {
    let sessions = Arc::clone(&context.fetch_session);
    match sessions.begin(context.version, &mut request, &*context.agent.rng) {
        Ok(fetch) => {
            let (response, memory) = fetch_all(context, request).await;
            (sessions.finish(fetch, response), memory)
        }
        Err(error_code) => (FetchResponse { error_code, ..Default::default() }, None),
    }
}

/// The response for all partitions of `request`, and the memory that its records hold.
async fn fetch_all(context: Context, mut request: FetchRequest) -> (FetchResponse, Option<Permit>) {
    let redirect = RackAwareFetch::redirect(&context.agent, std::mem::take(&mut request.rack_id));
    let (topics, plan) = plan(&context, request).await;
    let (fetched, memory): (Vec<PartitionData>, Option<Permit>) = match redirect {
        Some(redirect) => (redirect.responses(&context.agent, &plan), None),
        None => {
            let read_committed = plan.read_committed;
            let FetchAnswer { partitions, memory } = context.agent.fetch.fetch(plan).await;
            (partitions.into_iter().map(|fetched| partition_data(fetched, read_committed)).collect(), memory)
        }
    };
    let mut results = BatchResults::new(fetched);
    let mut partition = |item| {
        results.answer(item, |index, fetched| fetched.unwrap_or_else(|| failed(index, ErrorCode::UNKNOWN_SERVER_ERROR)))
    };
    let responses = topics
        .into_iter()
        .filter(|topic| !topic.partitions.is_empty())
        .map(|PlannedTopic { topic, topic_id, partitions }| FetchableTopicResponse {
            topic,
            topic_id,
            partitions: partitions.into_iter().map(&mut partition).collect(),
        })
        .collect();
    (FetchResponse { responses, ..Default::default() }, memory)
}

/// A topic of the request. Each of its partitions is answered already, or in the plan (with its index), in the same
/// order.
struct PlannedTopic {
    topic: String,
    topic_id: uuid::Uuid,
    partitions: Vec<RequestItem<PartitionData, i32>>,
}

async fn plan(context: &Context, request: FetchRequest) -> (Vec<PlannedTopic>, FetchPlan) {
    let agent = &*context.agent;
    let mut lookup = TopicLookup::new(agent);
    let mut planned = Vec::with_capacity(request.topics.len());
    let mut wanted = Vec::new();
    for topic in request.topics {
        planned.push(plan_topic(&mut lookup, context.version, topic, &mut wanted).await);
    }
    let mut items = planned.iter().flat_map(|topic| &topic.partitions);
    let all_are_served = items.all(|item| matches!(item, RequestItem::Batched(_)));
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(WAIT_MAX);
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    let bytes_max = agent.config.fetch_bytes_max.min(context.answer_window.bytes().max(min_bytes));
    let plan = FetchPlan {
        min_bytes,
        max_bytes: usize::try_from(request.max_bytes).unwrap_or(0).min(bytes_max),
        max_wait: if all_are_served { wait } else { Duration::ZERO },
        read_committed: request.isolation_level == READ_COMMITTED,
        partitions: wanted,
        priority: context.priority.clone(),
    };
    (planned, plan)
}

/// Answers the partitions that cannot be read, and adds the others to `wanted`.
async fn plan_topic(
    lookup: &mut TopicLookup<'_>,
    version: i16,
    requested: FetchTopic,
    wanted: &mut Vec<FetchPartition>,
) -> PlannedTopic {
    let FetchTopic { topic, topic_id, partitions } = requested;
    let last = partitions.iter().map(|requested| requested.partition).max();
    let found =
        if version >= 13 { lookup.by_id_with(topic_id, last).await } else { lookup.by_name_with(&topic, last).await };
    let item = |requested: RequestedPartition| {
        let index = requested.partition;
        let partition = match &found {
            Ok(topic) => topic.partition(index).ok_or_else(ApiError::unknown_topic_or_partition),
            Err(error) => Err(error.clone()),
        };
        match (partition, check_epochs(&requested)) {
            (Err(error), _) => RequestItem::Answered(unknown(index, error.code)),
            (Ok(_), Err(error)) => RequestItem::Answered(failed(index, error.code)),
            (Ok(partition), Ok(())) => {
                wanted.push(FetchPartition {
                    partition,
                    offset: Offset(requested.fetch_offset),
                    max_bytes: usize::try_from(requested.partition_max_bytes).unwrap_or(0),
                });
                RequestItem::Batched(index)
            }
        }
    };
    let partitions = partitions.into_iter().map(item).collect();
    PlannedTopic { topic, topic_id, partitions }
}

fn check_epochs(requested: &RequestedPartition) -> Result<(), ApiError> {
    // In this field alone, every negative epoch means none.
    check_epoch(requested.current_leader_epoch.max(-1))?;
    if requested.last_fetched_epoch > LEADER_EPOCH {
        return Err(ApiError::new(
            ErrorCode::OFFSET_OUT_OF_RANGE,
            "nothing can have been fetched in this leader epoch",
        ));
    }
    Ok(())
}

fn partition_data(fetched: FetchedPartition, read_committed: bool) -> PartitionData {
    let index = fetched.partition.partition.0;
    if let Some(error) = &fetched.error {
        return failed(index, error.code());
    }
    PartitionData {
        partition_index: index,
        high_watermark: fetched.high_watermark.0,
        last_stable_offset: fetched.stable.0,
        log_start_offset: fetched.log_start.0,
        aborted_transactions: read_committed.then(Vec::new),
        records: Some(RecordsField::new(fetched.records)),
        ..Default::default()
    }
}

/// The response for a partition that does not exist.
fn unknown(index: i32, error_code: ErrorCode) -> PartitionData {
    // Kafka sends no null here.
    PartitionData { aborted_transactions: Some(Vec::new()), ..failed(index, error_code) }
}

fn failed(index: i32, error_code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: index,
        error_code,
        high_watermark: -1,
        aborted_transactions: None,
        records: Some(RecordsField::default()),
        ..Default::default()
    }
}
