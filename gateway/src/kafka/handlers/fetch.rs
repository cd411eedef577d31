//! Fetch (1): record batches from partitions, waiting for them where there are none yet.
//!
//! - 4: isolation levels. 5: log start. 9: the client's leader epoch, which can only be unknown or the one there is.
//! - 7: sessions (KIP-227). None is ever created, which clients understand: each of their fetches stays complete.
//! - 11: the consumer's rack, and where it should rather fetch (KIP-392).
//! - 13: topics by id. The fields of replicas are ignored: there are none.
//!
//! An error in one partition, or data, answers at once. The first batch is whole, however large (KIP-74).

use std::collections::VecDeque;
use std::time::Duration;

use alluvium_model::Offset;
use alluvium_wire::messages::fetch::{
    FetchPartition as AskedPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, PartitionData,
};
use alluvium_wire::{ApiKey, ErrorCode, Records};

use crate::fetch::{FetchPartition, FetchPlan, FetchedPartition};
use crate::kafka::dispatch::{Context, Handler, answer};
use crate::kafka::errors::{Coded, Refused};
use crate::kafka::rack_aware_fetch::RackAwareFetch;
use crate::kafka::topic_lookup::TopicLookup;
use crate::kafka::topology;

pub const HANDLER: Handler = Handler::new(ApiKey::Fetch, 4..=18, |call| answer(call, handle)).parking();

/// Session epochs of a complete fetch: the first of a session to be, and the last of one.
const SESSIONLESS_EPOCHS: [i32; 2] = [0, -1];
/// Longest wait; clients ask for half a second.
const WAIT_MAX: Duration = Duration::from_secs(300);
const READ_COMMITTED: i8 = 1;

async fn handle(context: Context, mut request: FetchRequest) -> FetchResponse {
    if context.version >= 7 && !SESSIONLESS_EPOCHS.contains(&request.session_epoch) {
        return FetchResponse { error_code: ErrorCode::FETCH_SESSION_ID_NOT_FOUND, ..Default::default() };
    }
    let rack_aware_fetch = RackAwareFetch::than(&context.agent, std::mem::take(&mut request.rack_id));
    let (topics, plan) = plan(&context, request).await;
    let mut found: VecDeque<PartitionData> = match rack_aware_fetch {
        Some(rack_aware_fetch) => rack_aware_fetch.answers(&context.agent, &plan).into(),
        None => {
            let read_committed = plan.read_committed;
            let fetched = context.agent.fetch.fetch(plan).await;
            fetched.into_iter().map(|found| partition_data(found, read_committed)).collect()
        }
    };
    let mut partition = |(index, state): (i32, State)| match state {
        State::Planned => found.pop_front().unwrap_or_else(|| failed(index, ErrorCode::UNKNOWN_SERVER_ERROR)),
        State::Refused(code) => failed(index, code),
        // Kafka has no null here.
        State::Unknown(code) => PartitionData { aborted_transactions: Some(Vec::new()), ..failed(index, code) },
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
    FetchResponse { responses, ..Default::default() }
}

/// A topic of the request, and which of its partitions are in the plan (in the plan's order).
struct PlannedTopic {
    topic: String,
    topic_id: uuid::Uuid,
    partitions: Vec<(i32, State)>,
}

/// What becomes of a partition of the request.
enum State {
    Planned,
    Refused(ErrorCode),
    Unknown(ErrorCode),
}

async fn plan(context: &Context, request: FetchRequest) -> (Vec<PlannedTopic>, FetchPlan) {
    let agent = &*context.agent;
    let mut lookup = TopicLookup::new(agent);
    let mut planned = Vec::with_capacity(request.topics.len());
    let mut wanted = Vec::new();
    let mut all_are_served = true;
    for FetchTopic { topic, topic_id, partitions } in request.topics {
        let last = partitions.iter().map(|asked| asked.partition).max();
        let found = if context.version >= 13 {
            lookup.by_id_with(topic_id, last).await
        } else {
            lookup.by_name_with(&topic, last).await
        };
        let mut states = Vec::with_capacity(partitions.len());
        for asked in partitions {
            let partition = match &found {
                Ok(metadata_cache) => {
                    metadata_cache.partition(asked.partition).ok_or_else(Refused::unknown_topic_or_partition)
                }
                Err(refused) => Err(refused.clone()),
            };
            let state = match (partition, check_epochs(&asked)) {
                (Err(refused), _) => State::Unknown(refused.code),
                (Ok(_), Err(refused)) => State::Refused(refused.code),
                (Ok(partition), Ok(())) => {
                    wanted.push(FetchPartition {
                        partition,
                        offset: Offset(asked.fetch_offset),
                        max_bytes: usize::try_from(asked.partition_max_bytes).unwrap_or(0),
                    });
                    State::Planned
                }
            };
            all_are_served &= matches!(state, State::Planned);
            states.push((asked.partition, state));
        }
        planned.push(PlannedTopic { topic, topic_id, partitions: states });
    }
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(WAIT_MAX);
    let plan = FetchPlan {
        min_bytes: usize::try_from(request.min_bytes).unwrap_or(0),
        max_bytes: usize::try_from(request.max_bytes).unwrap_or(0).min(agent.config.fetch_bytes_max),
        max_wait: if all_are_served { wait } else { Duration::ZERO },
        read_committed: request.isolation_level == READ_COMMITTED,
        partitions: wanted,
    };
    (planned, plan)
}

fn check_epochs(asked: &AskedPartition) -> Result<(), Refused> {
    // All negative ones stand for none, only here.
    topology::check_epoch(asked.current_leader_epoch.max(-1))?;
    if asked.last_fetched_epoch > topology::LEADER_EPOCH {
        return Err(Refused::new(ErrorCode::OFFSET_OUT_OF_RANGE, "nothing can have been fetched in this leader epoch"));
    }
    Ok(())
}

fn partition_data(found: FetchedPartition, read_committed: bool) -> PartitionData {
    let index = found.partition.partition.0;
    if let Some(error) = &found.error {
        return failed(index, error.code());
    }
    PartitionData {
        partition_index: index,
        high_watermark: found.high_watermark.0,
        last_stable_offset: found.stable.0,
        log_start_offset: found.log_start.0,
        aborted_transactions: read_committed.then(Vec::new),
        records: Some(Records::new(found.records)),
        ..Default::default()
    }
}

fn failed(index: i32, error_code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: index,
        error_code,
        high_watermark: -1,
        aborted_transactions: None,
        records: Some(Records::default()),
        ..Default::default()
    }
}
