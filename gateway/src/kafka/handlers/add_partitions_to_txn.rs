//! AddPartitionsToTxn (24): adds partitions to a transaction, before records are written to them.
//!
//! - 2: `PRODUCER_FENCED` (KIP-588). 4 and 5 are between Kafka's brokers (KIP-890), which are not ours: refused.
//! - Clients of `transaction.version` 2 do not send it: what they write to belongs to the transaction.
//!
//! If one partition does not exist, none is added, and the others get `OPERATION_NOT_ATTEMPTED`.

use alluvium_model::TopicPartition;
use alluvium_model::transaction::{TransactionalId, TransactionalProducer};
use alluvium_wire::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxnTopic,
    AddPartitionsToTxnTopicResult,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::{HasErrorCode, in_version};
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::AddPartitionsToTxn, 0..=5, |call| answer(call, handle));

/// The first version that only brokers send.
const BROKERS_ONLY_VERSION: i16 = 4;

async fn handle(context: Context, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse {
    if context.version >= BROKERS_ONLY_VERSION {
        return AddPartitionsToTxnResponse {
            error_code: ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
            ..Default::default()
        };
    }
    let (partitions, unknown) = find(&context, &request.v3_and_below_topics).await;
    let code = if unknown.is_empty() { add(&context, &request, &partitions).await } else { ErrorCode::NONE };
    let code = in_version(ApiKey::AddPartitionsToTxn, context.version, code);
    let topic = |topic: AddPartitionsToTxnTopic| AddPartitionsToTxnTopicResult {
        results_by_partition: topic
            .partitions
            .iter()
            .map(|index| AddPartitionsToTxnPartitionResult {
                partition_index: *index,
                partition_error_code: match unknown.iter().any(|(name, of)| *name == topic.name && of == index) {
                    true => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    false if unknown.is_empty() => code,
                    false => ErrorCode::OPERATION_NOT_ATTEMPTED,
                },
            })
            .collect(),
        name: topic.name,
    };
    let results_by_topic_v3_and_below = request.v3_and_below_topics.into_iter().map(topic).collect();
    AddPartitionsToTxnResponse { results_by_topic_v3_and_below, ..Default::default() }
}

async fn add(context: &Context, request: &AddPartitionsToTxnRequest, partitions: &[TopicPartition]) -> ErrorCode {
    let Some(id) = TransactionalId::new(&request.v3_and_below_transactional_id) else {
        return ErrorCode::INVALID_REQUEST;
    };
    let producer =
        TransactionalProducer::from_raw(request.v3_and_below_producer_id, request.v3_and_below_producer_epoch);
    let added = context.agent.transactions.add(&id, producer, partitions, &[]).await;
    added.map_or_else(|failure| failure.code(), |()| ErrorCode::NONE)
}

/// The partitions of `topics` that exist, and those that do not.
async fn find(context: &Context, topics: &[AddPartitionsToTxnTopic]) -> (Vec<TopicPartition>, Vec<(String, i32)>) {
    let mut lookup = TopicLookup::new(&context.agent);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for AddPartitionsToTxnTopic { name, partitions } in topics {
        let found = lookup.by_name_with(name, partitions.iter().copied().max()).await.ok();
        for index in partitions {
            match found.as_ref().and_then(|topic| topic.partition(*index)) {
                Some(partition) => known.push(partition),
                None => unknown.push((name.clone(), *index)),
            }
        }
    }
    (known, unknown)
}
