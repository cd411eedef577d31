//! ListOffsets (2): the earliest, latest and similar offsets of partitions, or offsets by time.
//!
//! - 1: one offset per partition. 2: isolation level. 4: leader epochs. 7: the record with the largest timestamp (-3).
//! - 8: the first local offset (-4). 9: the last tiered one (-5). 11: the first one not yet tiered (-6).
//!   In older versions those three are errors.
//!
//! A time after the last record is not an error: the offset is -1.

use std::sync::Arc;

use alluvium_model::limits::LEADER_EPOCH;
use alluvium_model::{Offset, Timestamp, TopicPartition};
use alluvium_wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
    ListOffsetsTopicResponse,
};
use alluvium_wire::{ApiKey, ErrorCode};
use futures::stream::{self, StreamExt};

use crate::agent::Agent;
use crate::fetch::{FoundOffset, OffsetSpec};
use crate::kafka::duplicate_check::DuplicateCheck;
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;
use crate::kafka::topology::check_epoch;
use crate::metadata_cache::CachedTopic;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::ListOffsets, 1..=11, |call| answer(call, handle));

/// Partitions looked up at once, for one request.
const LOOKUPS_MAX: usize = 32;
const READ_COMMITTED: i8 = 1;

async fn handle(context: Context, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let agent = &*context.agent;
    let read_committed = request.isolation_level == READ_COMMITTED;
    let mut lookup = TopicLookup::new(agent);
    let mut duplicates: DuplicateCheck<(&str, i32)> = request.topics.iter().flat_map(keys).collect();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let last = topic.partitions.iter().map(|requested| requested.partition_index).max();
        let found = lookup.by_name_with(&topic.name, last).await;
        let mut queries = Vec::with_capacity(topic.partitions.len());
        for requested in &topic.partitions {
            let index = requested.partition_index;
            match duplicates.next(&(topic.name.as_str(), index), "partition named more than once") {
                None => {}
                Some(Err(error)) => queries.push((index, Err(error))),
                Some(Ok(())) => queries.push((index, offset_query(&found, requested, context.version))),
            }
        }
        let answers = stream::iter(queries).map(|(index, query)| look_up(agent, index, query, read_committed));
        let partitions: Vec<_> = answers.buffered(LOOKUPS_MAX).collect().await;
        if !partitions.is_empty() {
            topics.push(ListOffsetsTopicResponse { name: topic.name.clone(), partitions });
        }
    }
    ListOffsetsResponse { topics, ..Default::default() }
}

fn keys(topic: &ListOffsetsTopic) -> impl Iterator<Item = (&str, i32)> {
    topic.partitions.iter().map(|partition| (topic.name.as_str(), partition.partition_index))
}

/// A partition, and the requested offset.
type OffsetQuery = (TopicPartition, Option<OffsetSpec>);

fn offset_query(
    found: &Result<Arc<CachedTopic>, ApiError>,
    requested: &ListOffsetsPartition,
    version: i16,
) -> Result<OffsetQuery, ApiError> {
    let topic = found.as_ref().map_err(ApiError::clone)?;
    let partition = topic.partition(requested.partition_index).ok_or_else(ApiError::unknown_topic_or_partition)?;
    Ok((partition, spec(requested, version)?))
}

/// The requested offset; `None` for one that never exists here (the first not yet tiered).
fn spec(requested: &ListOffsetsPartition, version: i16) -> Result<Option<OffsetSpec>, ApiError> {
    check_epoch(requested.current_leader_epoch)?;
    match requested.timestamp {
        -1 => Ok(Some(OffsetSpec::Latest)),
        -2 => Ok(Some(OffsetSpec::Earliest)),
        -3 if version >= 7 => Ok(Some(OffsetSpec::MaxTimestamp)),
        -4 if version >= 8 => Ok(Some(OffsetSpec::EarliestLocal)),
        -5 if version >= 9 => Ok(Some(OffsetSpec::LatestTiered)),
        -6 if version >= 11 => Ok(None),
        timestamp @ 0.. => Ok(Some(OffsetSpec::Timestamp(Timestamp(timestamp)))),
        _ => Err(ApiError::new(ErrorCode::UNSUPPORTED_VERSION, "unknown kind of offset in this version")),
    }
}

async fn look_up(
    agent: &Agent,
    index: i32,
    query: Result<OffsetQuery, ApiError>,
    read_committed: bool,
) -> ListOffsetsPartitionResponse {
    let found = match query {
        Ok((partition, Some(spec))) => {
            agent.fetch.list_offset(partition, spec, read_committed).await.map_err(ApiError::from)
        }
        Ok((_, None)) => Ok(FoundOffset { offset: Offset(-1), timestamp: Timestamp::NONE }),
        Err(error) => Err(error),
    };
    match found {
        Ok(FoundOffset { offset, timestamp }) => ListOffsetsPartitionResponse {
            partition_index: index,
            timestamp: timestamp.0,
            offset: offset.0,
            leader_epoch: if offset.0 < 0 { -1 } else { LEADER_EPOCH },
            ..Default::default()
        },
        Err(error) => {
            ListOffsetsPartitionResponse { partition_index: index, error_code: error.code, ..Default::default() }
        }
    }
}
