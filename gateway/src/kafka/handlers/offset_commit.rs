//! OffsetCommit (8): how far a group has read.
//!
//! - 2-4: with a retention of its own. 6: leader epochs. 7: static members.
//! - 9: a commit with a generation to a group that does not exist is told so; before, that its generation is wrong.
//! - 10: topics by id.

use std::time::Duration;

use alluvium_model::{Offset, TopicPartition};
use alluvium_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::groups::{Committer, Generation, GroupError, InstanceId, MemberId, NewOffset};
use crate::kafka::dispatch::{Context, Handler, answer};
use crate::kafka::errors::{Coded, Refused};
use crate::kafka::topic_lookup::TopicLookup;

pub const HANDLER: Handler = Handler::new(ApiKey::OffsetCommit, 2..=10, |call| answer(call, handle));

async fn handle(context: Context, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let committer = committer(&request);
    let retention = u64::try_from(request.retention_time_ms).ok().map(Duration::from_millis);
    let mut lookup = TopicLookup::new(&context.agent);
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut offsets = Vec::new();
    for topic in request.topics {
        topics.push(locate(&mut lookup, topic, context.version, retention, &mut offsets).await);
    }
    let codes = commit(&context, &request.group_id, committer, offsets).await;
    fill_in(&mut topics, codes);
    OffsetCommitResponse { topics, ..Default::default() }
}

fn committer(request: &OffsetCommitRequest) -> Committer {
    let generation = request.generation_id_or_member_epoch;
    Committer {
        member: MemberId::new(&request.member_id),
        instance: request.group_instance_id.as_deref().map(InstanceId::new),
        generation: (generation >= 0).then_some(Generation(generation)),
    }
}

/// Answers what is unknown, and collects the rest for the group.
async fn locate(
    lookup: &mut TopicLookup<'_>,
    topic: OffsetCommitRequestTopic,
    version: i16,
    retention: Option<Duration>,
    offsets: &mut Vec<(TopicPartition, NewOffset)>,
) -> OffsetCommitResponseTopic {
    let last = topic.partitions.iter().map(|partition| partition.partition_index).max();
    let found = if version >= 10 {
        lookup.by_id_with(topic.topic_id, last).await
    } else {
        lookup.by_name_with(&topic.name, last).await
    };
    let answer = |partition: OffsetCommitRequestPartition| {
        let partition_index = partition.partition_index;
        let located = match &found {
            Ok(metadata_cache) => {
                metadata_cache.partition(partition_index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            }
            Err(Refused { code, .. }) => Err(*code),
        };
        let error_code = match located {
            Ok(located) => {
                offsets.push((located, new_offset(partition, retention)));
                PENDING
            }
            Err(code) => code,
        };
        OffsetCommitResponsePartition { partition_index, error_code }
    };
    let partitions = topic.partitions.into_iter().map(answer).collect();
    OffsetCommitResponseTopic { name: topic.name, topic_id: topic.topic_id, partitions }
}

/// Stands for the group's verdict until that is known; no code of ours.
const PENDING: ErrorCode = ErrorCode(i16::MIN);

fn new_offset(partition: OffsetCommitRequestPartition, retention: Option<Duration>) -> NewOffset {
    NewOffset {
        offset: Offset(partition.committed_offset),
        leader_epoch: Some(partition.committed_leader_epoch).filter(|epoch| *epoch >= 0),
        metadata: partition.committed_metadata.unwrap_or_default(),
        retention,
    }
}

/// The verdict on each offset, in their order.
async fn commit(
    context: &Context,
    group: &str,
    committer: Committer,
    offsets: Vec<(TopicPartition, NewOffset)>,
) -> Vec<ErrorCode> {
    let count = offsets.len();
    if count == 0 {
        return Vec::new();
    }
    match context.agent.groups.offset_commit(group, committer, offsets).await {
        Ok(verdicts) => {
            verdicts.iter().map(|verdict| verdict.as_ref().map_or_else(Coded::code, |()| ErrorCode::NONE)).collect()
        }
        Err(GroupError::GroupNotFound) if context.version < 9 => vec![ErrorCode::ILLEGAL_GENERATION; count],
        Err(why) => vec![why.code(); count],
    }
}

fn fill_in(topics: &mut [OffsetCommitResponseTopic], codes: Vec<ErrorCode>) {
    let pending = topics.iter_mut().flat_map(|topic| &mut topic.partitions).filter(|p| p.error_code == PENDING);
    for (partition, code) in pending.zip(codes) {
        partition.error_code = code;
    }
}
