//! DescribeProducers (61): the idempotent and transactional producers that have written to a partition lately.

use std::collections::{BTreeMap, HashSet};

use alluvium_model::{ProducerId, TopicPartition};
use alluvium_wire::ApiKey;
use alluvium_wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};

use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DescribeProducers, 0..=0, |call| answer(call, handle));

/// Producers that are listed of each partition.
const PRODUCERS_MAX: usize = 1_000;
/// Partitions in one response, each once: a name in the request can make an answer a thousand times as long.
const PARTITIONS_MAX: usize = 1_000;

async fn handle(context: Context, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let mut lookup = TopicLookup::new(&context.agent);
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut seen = HashSet::new();
    for topic in request.topics {
        let last = topic.partition_indexes.iter().copied().max();
        let found = lookup.by_name_with(&topic.name, last).await;
        let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
        for partition_index in topic.partition_indexes {
            if !seen.insert((topic.name.clone(), partition_index)) {
                continue;
            }
            let partition = found.as_ref().ok().and_then(|topic| topic.partition(partition_index));
            let described = match partition {
                Some(_) if seen.len() > PARTITIONS_MAX => {
                    Err(ApiError::invalid_request("more than 1000 partitions in one request"))
                }
                Some(partition) => describe(&context, partition).await,
                None => Err(ApiError::unknown_topic_or_partition()),
            };
            partitions.push(match described {
                Ok(active_producers) => PartitionResponse { partition_index, active_producers, ..Default::default() },
                Err(error) => PartitionResponse {
                    partition_index,
                    error_code: error.code,
                    error_message: Some(error.message),
                    ..Default::default()
                },
            });
        }
        topics.push(TopicResponse { name: topic.name, partitions });
    }
    DescribeProducersResponse { topics, ..Default::default() }
}

async fn describe(context: &Context, partition: TopicPartition) -> Result<Vec<ProducerState>, ApiError> {
    let metastore = &context.agent.metastore;
    let open: BTreeMap<ProducerId, _> = metastore.log.open_transactions(partition).await?.into_iter().collect();
    let windows = metastore.producers.list(partition, PRODUCERS_MAX).await?;
    let state = |(id, window): &(ProducerId, alluvium_model::producer::Window)| ProducerState {
        producer_id: id.0,
        producer_epoch: window.epoch.0.into(),
        last_sequence: window.batches.last().map_or(-1, |newest| newest.last.0),
        last_timestamp: window.touched.0,
        coordinator_epoch: if open.contains_key(id) { 0 } else { -1 },
        current_txn_start_offset: open.get(id).map_or(-1, |first| first.0),
    };
    Ok(windows.iter().map(state).collect())
}
