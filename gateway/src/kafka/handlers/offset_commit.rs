//! OffsetCommit (8): stores how far a group has read.
//!
//! - 2-4: the request may set a retention. 6: leader epochs. 7: static members.
//! - 9: a commit with a generation to an unknown group gets `GROUP_ID_NOT_FOUND`; before, `ILLEGAL_GENERATION`.
//! - 10: topics by id.

use std::time::Duration;

use alluvium_model::{Offset, TopicPartition};
use alluvium_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::groups::{Committer, Generation, GroupError, InstanceId, MemberId, NewOffset};
use crate::kafka::errors::{ApiError, HasErrorCode};
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::item_answers::{BatchResults, RequestItem};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
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
    let mut results = BatchResults::new(commit(&context, &request.group_id, committer, offsets).await);
    let topics = topics.into_iter().map(|topic| response(topic, &mut results)).collect();
    OffsetCommitResponse { topics, ..Default::default() }
}

fn committer(request: &OffsetCommitRequest) -> Committer {
    let generation = request.generation_id_or_member_epoch;
    Committer {
        member: MemberId::new(&request.member_id),
        instance: request.group_instance_id.as_deref().map(InstanceId::new),
        generation: (generation >= 0).then_some(Generation(generation)),
        is_transactional: false,
    }
}

/// A topic of the request, with what becomes of each of its partitions.
struct LocatedTopic {
    name: String,
    topic_id: uuid::Uuid,
    partitions: Vec<(i32, RequestItem<ErrorCode>)>,
}

/// Answers unknown partitions, and collects the offsets of the others for the group.
async fn locate(
    lookup: &mut TopicLookup<'_>,
    topic: OffsetCommitRequestTopic,
    version: i16,
    retention: Option<Duration>,
    offsets: &mut Vec<(TopicPartition, NewOffset)>,
) -> LocatedTopic {
    let last = topic.partitions.iter().map(|partition| partition.partition_index).max();
    let found = if version >= 10 {
        lookup.by_id_with(topic.topic_id, last).await
    } else {
        lookup.by_name_with(&topic.name, last).await
    };
    let item = |requested: OffsetCommitRequestPartition| {
        let index = requested.partition_index;
        let partition = match &found {
            Ok(topic) => topic.partition(index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            Err(ApiError { code, .. }) => Err(*code),
        };
        match partition {
            Ok(partition) => {
                offsets.push((partition, new_offset(requested, retention)));
                (index, RequestItem::Batched(()))
            }
            Err(code) => (index, RequestItem::Answered(code)),
        }
    };
    let partitions = topic.partitions.into_iter().map(item).collect();
    LocatedTopic { name: topic.name, topic_id: topic.topic_id, partitions }
}

fn new_offset(partition: OffsetCommitRequestPartition, retention: Option<Duration>) -> NewOffset {
    NewOffset {
        offset: Offset(partition.committed_offset),
        leader_epoch: Some(partition.committed_leader_epoch).filter(|epoch| *epoch >= 0),
        metadata: partition.committed_metadata.unwrap_or_default(),
        retention,
    }
}

/// Commits `offsets`: one code per offset, in their order.
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
        Ok(results) => {
            results.iter().map(|result| result.as_ref().map_or_else(HasErrorCode::code, |()| ErrorCode::NONE)).collect()
        }
        Err(GroupError::GroupNotFound) if context.version < 9 => vec![ErrorCode::ILLEGAL_GENERATION; count],
        Err(why) => vec![why.code(); count],
    }
}

fn response(topic: LocatedTopic, results: &mut BatchResults<ErrorCode>) -> OffsetCommitResponseTopic {
    let partition = |(partition_index, item)| {
        let error_code = results.answer(item, |(), code| code.unwrap_or(ErrorCode::UNKNOWN_SERVER_ERROR));
        OffsetCommitResponsePartition { partition_index, error_code }
    };
    let partitions = topic.partitions.into_iter().map(partition).collect();
    OffsetCommitResponseTopic { name: topic.name, topic_id: topic.topic_id, partitions }
}
