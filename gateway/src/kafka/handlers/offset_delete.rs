//! OffsetDelete (47): deletes single offsets of a group, except in topics that it is subscribed to.

use alluvium_model::TopicPartition;
use alluvium_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestTopic, OffsetDeleteResponse, OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::groups::GroupError;
use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::item_answers::{BatchResults, RequestItem};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::OffsetDelete, 0..=0, |call| answer(call, handle));

async fn handle(context: Context, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    if request.group_id.is_empty() {
        return OffsetDeleteResponse { error_code: ErrorCode::INVALID_GROUP_ID, ..Default::default() };
    }
    let mut lookup = TopicLookup::new(&context.agent);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics.into_iter().filter(|topic| !topic.partitions.is_empty()) {
        match delete(&context, &request.group_id, topic, &mut lookup).await {
            Ok(response) => topics.push(response),
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
    let found = lookup.by_name(&topic.name).await;
    let mut known: Vec<(String, TopicPartition)> = Vec::new();
    let mut item = |partition_index: i32| match found.as_ref().ok().and_then(|topic| topic.partition(partition_index)) {
        Some(partition) => {
            known.push((topic.name.clone(), partition));
            RequestItem::Batched(())
        }
        None => RequestItem::Answered(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    };
    let indexes = topic.partitions.iter().map(|partition| partition.partition_index);
    let items: Vec<(i32, RequestItem<ErrorCode>)> = indexes.map(|index| (index, item(index))).collect();
    let mut results = BatchResults::new(context.agent.groups.offset_delete(group, &known).await?);
    let response = |(partition_index, item)| {
        let error_code = results.answer(item, |(), result| match result {
            Some(Ok(())) => ErrorCode::NONE,
            Some(Err(why)) => why.code(),
            None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        });
        OffsetDeleteResponsePartition { partition_index, error_code }
    };
    let partitions = items.into_iter().map(response).collect();
    Ok(OffsetDeleteResponseTopic { name: topic.name, partitions })
}
