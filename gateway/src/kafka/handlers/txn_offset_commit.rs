//! TxnOffsetCommit (28): a group's offsets, which are committed when the transaction commits.
//!
//! - 2: leader epochs. 3: the member and its generation are checked (KIP-447).
//! - 5: the group belongs to the transaction from then on, without `AddOffsetsToTxn` (KIP-890).

use alluvium_model::transaction::{TransactionVersion, TransactionalId, TransactionalProducer};
use alluvium_model::{Offset, TopicPartition};
use alluvium_wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestTopic, TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::groups::{Committer, Generation, InstanceId, MemberId, NewOffset, TransactionCommit};
use crate::kafka::errors::{HasErrorCode, in_version};
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::item_answers::{BatchResults, RequestItem};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::TxnOffsetCommit, 0..=5, |call| answer(call, handle));

/// From this version on, the group belongs to the transaction without having been added.
const IMPLICIT_ADD_VERSION: i16 = 5;

async fn handle(context: Context, mut request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let mut lookup = TopicLookup::new(&context.agent);
    let (mut topics, mut offsets) = (Vec::with_capacity(request.topics.len()), Vec::new());
    for topic in std::mem::take(&mut request.topics) {
        topics.push(locate(&mut lookup, topic, &mut offsets).await);
    }
    let mut results = BatchResults::new(commit(&context, &request, offsets).await);
    let topic = |LocatedTopic { name, partitions }| TxnOffsetCommitResponseTopic {
        name,
        partitions: partitions
            .into_iter()
            .map(|(partition_index, item)| TxnOffsetCommitResponsePartition {
                partition_index,
                error_code: results.answer(item, |(), code| code.unwrap_or(ErrorCode::UNKNOWN_SERVER_ERROR)),
            })
            .collect(),
    };
    TxnOffsetCommitResponse { topics: topics.into_iter().map(topic).collect(), ..Default::default() }
}

/// A topic of the request, with what becomes of each of its partitions.
struct LocatedTopic {
    name: String,
    partitions: Vec<(i32, RequestItem<ErrorCode>)>,
}

/// Answers unknown partitions, and collects the offsets of the others.
async fn locate(
    lookup: &mut TopicLookup<'_>,
    topic: TxnOffsetCommitRequestTopic,
    offsets: &mut Vec<(TopicPartition, NewOffset)>,
) -> LocatedTopic {
    let last = topic.partitions.iter().map(|partition| partition.partition_index).max();
    let found = lookup.by_name_with(&topic.name, last).await.ok();
    let mut partitions = Vec::with_capacity(topic.partitions.len());
    for requested in topic.partitions {
        let item = match found.as_ref().and_then(|topic| topic.partition(requested.partition_index)) {
            Some(partition) => {
                let offset = NewOffset {
                    offset: Offset(requested.committed_offset),
                    leader_epoch: Some(requested.committed_leader_epoch).filter(|epoch| *epoch >= 0),
                    metadata: requested.committed_metadata.unwrap_or_default(),
                    retention: None,
                };
                offsets.push((partition, offset));
                RequestItem::Batched(())
            }
            None => RequestItem::Answered(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        };
        partitions.push((requested.partition_index, item));
    }
    LocatedTopic { name: topic.name, partitions }
}

/// Commits `offsets` with the transaction: one code per offset, in their order.
async fn commit(
    context: &Context,
    request: &TxnOffsetCommitRequest,
    offsets: Vec<(TopicPartition, NewOffset)>,
) -> Vec<ErrorCode> {
    let count = offsets.len();
    if count == 0 {
        return Vec::new();
    }
    let Some(id) = TransactionalId::new(&request.transactional_id) else {
        return vec![ErrorCode::INVALID_REQUEST; count];
    };
    let committer = Committer {
        member: MemberId::new(&request.member_id),
        instance: request.group_instance_id.as_deref().map(InstanceId::new),
        generation: (request.generation_id >= 0).then_some(Generation(request.generation_id)),
        is_transactional: true,
    };
    let version = if context.version >= IMPLICIT_ADD_VERSION { TransactionVersion::V2 } else { TransactionVersion::V1 };
    let producer = TransactionalProducer::from_raw(request.producer_id, request.producer_epoch);
    let transaction = TransactionCommit { id, producer, version };
    let code = |code| in_version(ApiKey::TxnOffsetCommit, context.version, code);
    match context.agent.groups.transaction_offset_commit(&request.group_id, committer, transaction, offsets).await {
        Ok(results) => results
            .iter()
            .map(|result| code(result.as_ref().map_or_else(HasErrorCode::code, |()| ErrorCode::NONE)))
            .collect(),
        Err(error) => vec![code(error.code()); count],
    }
}
