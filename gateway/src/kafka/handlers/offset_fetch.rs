//! OffsetFetch (9): the committed offsets of groups.
//!
//! - 1: one group, topics by name. 2: null topics ask for all; an error for the group. 5: leader epochs.
//! - 7: `require_stable`: offsets in open transactions are an error (`UNSTABLE_OFFSET_COMMIT`). 8: many groups, in another layout.
//! - 9: member ids and epochs, which classic groups do not check. 10: topics by id.
//!
//! A partition without a committed offset is not an error: its offset is -1.

use std::collections::{BTreeMap, HashSet};

use alluvium_metastore::offsets::CommittedOffset;
use alluvium_model::{TopicId, TopicPartition};
use alluvium_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponse, OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use alluvium_wire::{ApiKey, ErrorCode};
use uuid::Uuid;

use crate::agent::Agent;
use crate::groups::GroupError;
use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::OffsetFetch, 1..=10, |call| answer(call, handle));

async fn handle(context: Context, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let (agent, version) = (&*context.agent, context.version);
    if version >= 8 {
        let mut groups = Vec::with_capacity(request.groups.len());
        let mut seen = HashSet::with_capacity(request.groups.len());
        for group in request.groups {
            // Each only once: a response can be a million times as long as the name in the request.
            if !seen.insert(group.group_id.clone()) {
                continue;
            }
            groups.push(fetch(agent, group, version, request.require_stable).await);
        }
        return OffsetFetchResponse { groups, ..Default::default() };
    }
    let named = |topic: OffsetFetchRequestTopic| OffsetFetchRequestTopics {
        name: topic.name,
        partition_indexes: topic.partition_indexes,
        ..Default::default()
    };
    let topics = request.topics.map(|topics| topics.into_iter().map(named).collect());
    let group = OffsetFetchRequestGroup { group_id: request.group_id, topics, ..Default::default() };
    single(fetch(agent, group, version, request.require_stable).await)
}

/// The response about one group in the layout before version 8. Version 1 has no field for the group's error, and so
/// carries it on each partition.
fn single(group: OffsetFetchResponseGroup) -> OffsetFetchResponse {
    let partition = |partition: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    };
    let topics = group.topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    });
    OffsetFetchResponse { topics: topics.collect(), error_code: group.error_code, ..Default::default() }
}

async fn fetch(
    agent: &Agent,
    group: OffsetFetchRequestGroup,
    version: i16,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let OffsetFetchRequestGroup { group_id, topics, .. } = group;
    // Checked even if no offset is asked for.
    let fetched = match (agent.groups.coordinated(&group_id), &topics) {
        (Err(why), _) => Err(why),
        (Ok(_), topics) => {
            // Before the offsets: what is committed in between is stable.
            let unstable =
                if require_stable { agent.groups.pending_offsets(&group_id).await } else { Ok(HashSet::new()) };
            match (unstable, topics) {
                (Err(why), _) => Err(why),
                (Ok(unstable), Some(topics)) => fetch_named(agent, &group_id, topics, version, &unstable).await,
                (Ok(unstable), None) => fetch_all(agent, &group_id, &unstable).await,
            }
        }
    };
    let (topics, error_code) = match fetched {
        Ok(topics) => (topics, ErrorCode::NONE),
        Err(why) if version < 2 => {
            (topics.iter().flatten().map(|topic| failed(topic, why.code())).collect(), why.code())
        }
        Err(why) => (Vec::new(), why.code()),
    };
    OffsetFetchResponseGroup { group_id, topics, error_code }
}

async fn fetch_named(
    agent: &Agent,
    group: &str,
    topics: &[OffsetFetchRequestTopics],
    version: i16,
    unstable: &HashSet<TopicPartition>,
) -> Result<Vec<OffsetFetchResponseTopics>, GroupError> {
    let mut lookup = TopicLookup::new(agent);
    let mut answers = Vec::with_capacity(topics.len());
    let mut seen = HashSet::new();
    for topic in topics {
        let found = if version >= 10 { lookup.by_id(topic.topic_id).await } else { lookup.by_name(&topic.name).await };
        let cached = match found {
            Ok(cached) => cached,
            // By name, an unknown topic is one without committed offsets.
            Err(_) if version < 10 => {
                answers.push(failed(topic, ErrorCode::NONE));
                continue;
            }
            Err(unknown) => {
                answers.push(failed(topic, unknown.code));
                continue;
            }
        };
        // Each partition only once.
        let indexes = topic.partition_indexes.iter().filter(|index| seen.insert((cached.topic.id, **index)));
        let indexes: Vec<i32> = indexes.copied().collect();
        let known: Vec<TopicPartition> = indexes.iter().filter_map(|index| cached.partition(*index)).collect();
        let rows = agent.groups.offset_fetch(group, &known).await?;
        let rows: BTreeMap<_, _> = known.iter().map(|partition| partition.partition.0).zip(rows).collect();
        let is_unstable = |index: &i32| cached.partition(*index).is_some_and(|of| unstable.contains(&of));
        let partitions = indexes.iter().map(|index| match rows.get(index) {
            _ if is_unstable(index) => missing(*index, ErrorCode::UNSTABLE_OFFSET_COMMIT),
            Some(Some(row)) => committed(*index, row),
            Some(None) | None => missing(*index, ErrorCode::NONE),
        });
        answers.push(answer_topic(topic.name.clone(), topic.topic_id, partitions.collect()));
    }
    Ok(answers)
}

/// All offsets in topics that exist; those of deleted ones are being purged.
async fn fetch_all(
    agent: &Agent,
    group: &str,
    unstable: &HashSet<TopicPartition>,
) -> Result<Vec<OffsetFetchResponseTopics>, GroupError> {
    let mut topics: BTreeMap<TopicId, Vec<OffsetFetchResponsePartitions>> = BTreeMap::new();
    for (partition, row) in agent.groups.offset_fetch_all(group).await? {
        let index = partition.partition.0;
        topics.entry(partition.topic).or_default().push(if unstable.contains(&partition) {
            missing(index, ErrorCode::UNSTABLE_OFFSET_COMMIT)
        } else {
            committed(index, &row)
        });
    }
    let mut lookup = TopicLookup::new(agent);
    let mut answers = Vec::with_capacity(topics.len());
    for (id, partitions) in topics {
        if let Ok(cached) = lookup.by_id(id.0).await {
            answers.push(answer_topic(cached.topic.name.clone(), id.0, partitions));
        }
    }
    Ok(answers)
}

fn answer_topic(
    name: String,
    topic_id: Uuid,
    partitions: Vec<OffsetFetchResponsePartitions>,
) -> OffsetFetchResponseTopics {
    OffsetFetchResponseTopics { name, topic_id, partitions }
}

fn failed(topic: &OffsetFetchRequestTopics, code: ErrorCode) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.iter().map(|index| missing(*index, code)).collect();
    answer_topic(topic.name.clone(), topic.topic_id, partitions)
}

fn committed(partition_index: i32, row: &CommittedOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: row.offset.0,
        committed_leader_epoch: row.leader_epoch.unwrap_or(-1),
        metadata: Some(row.metadata.clone()),
        error_code: ErrorCode::NONE,
    }
}

fn missing(partition_index: i32, error_code: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions { partition_index, committed_offset: -1, error_code, ..Default::default() }
}
