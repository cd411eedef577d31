//! OffsetDelete (47): single offsets of a group are forgotten, but not in topics that it is subscribed to.

use alluvium_model::TopicPartition;
use alluvium_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestTopic, OffsetDeleteResponse, OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::groups::GroupError;
use crate::kafka::dispatch::{Context, Handler, answer};
use crate::kafka::errors::Coded;
use crate::kafka::topic_lookup::TopicLookup;

pub const HANDLER: Handler = Handler::new(ApiKey::OffsetDelete, 0..=0, |call| answer(call, handle));

async fn handle(context: Context, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    if request.group_id.is_empty() {
        return OffsetDeleteResponse { error_code: ErrorCode::INVALID_GROUP_ID, ..Default::default() };
    }
    let mut lookup = TopicLookup::new(&context.agent);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics.into_iter().filter(|topic| !topic.partitions.is_empty()) {
        match delete(&context, &request.group_id, topic, &mut lookup).await {
            Ok(answer) => topics.push(answer),
            Err(why) => return OffsetDeleteResponse { error_code: why.code(), ..Default::default() },
        }
    }
    OffsetDeleteResponse { topics, ..Default::default() }
}

async fn delete(
    context: &Context,
    group: &str,
    topic: OffsetDeleteRequestTopic,
    lookup: &mut TopicLookup<'_>,
) -> Result<OffsetDeleteResponseTopic, GroupError> {
    let metadata_cache = lookup.by_name(&topic.name).await;
    let located = |index: i32| metadata_cache.as_ref().ok().and_then(|metadata_cache| metadata_cache.partition(index));
    let known: Vec<(String, TopicPartition)> = topic
        .partitions
        .iter()
        .filter_map(|partition| Some((topic.name.clone(), located(partition.partition_index)?)))
        .collect();
    let mut verdicts = context.agent.groups.offset_delete(group, &known).await?.into_iter();
    let mut answer = |partition_index: i32| {
        let verdict = located(partition_index).and_then(|_| verdicts.next());
        let error_code = match verdict {
            Some(Ok(())) => ErrorCode::NONE,
            Some(Err(why)) => why.code(),
            None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        };
        OffsetDeleteResponsePartition { partition_index, error_code }
    };
    let partitions = topic.partitions.iter().map(|partition| answer(partition.partition_index)).collect();
    Ok(OffsetDeleteResponseTopic { name: topic.name, partitions })
}
