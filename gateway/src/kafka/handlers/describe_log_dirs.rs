//! DescribeLogDirs (35): the sizes of partitions. There is one directory, the object store; its own size is unknown.
//!
//! Tools ask all agents and add up the sizes, so each agent reports only the partitions that it leads.
//!
//! - 3: an error for the whole response. 4: total and usable bytes (-1). 5: cordoned directories, of which there is
//!   none.

use std::collections::BTreeSet;

use alluvium_model::TopicPartition;
use alluvium_model::log::Head;
use alluvium_wire::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::agent::Agent;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topology::Topology;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DescribeLogDirs, 1..=5, |call| answer(call, handle));

/// The name of the only directory.
const LOG_DIR: &str = "object-store";

async fn handle(context: Context, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let agent = &*context.agent;
    let topology = Topology::of(&context);
    let this = agent.session.node().id.0;
    let mut topics = Vec::new();
    for cached in agent.metadata_cache.topics() {
        let wanted: BTreeSet<i32> = match &request.topics {
            None => (0..cached.topic.partitions).collect(),
            Some(requested) => requested
                .iter()
                .filter(|requested| requested.topic == cached.topic.name)
                .flat_map(|requested| requested.partitions.iter().copied())
                .collect(),
        };
        let wanted = wanted.into_iter().filter_map(|index| cached.partition(index));
        let partitions = sizes(agent, wanted.filter(|partition| topology.leader(*partition) == this).collect()).await;
        if !partitions.is_empty() {
            topics.push(DescribeLogDirsTopic { name: cached.topic.name.clone(), partitions });
        }
    }
    let result = DescribeLogDirsResult {
        error_code: ErrorCode::NONE,
        log_dir: LOG_DIR.to_owned(),
        topics,
        ..Default::default()
    };
    DescribeLogDirsResponse { results: vec![result], ..Default::default() }
}

/// Sizes from the metastore: the agent's metadata cache does not follow them.
async fn sizes(agent: &Agent, partitions: Vec<TopicPartition>) -> Vec<DescribeLogDirsPartition> {
    let heads = agent.metadata_cache.log().heads(&partitions).await.unwrap_or_else(|_| vec![None; partitions.len()]);
    partitions.into_iter().zip(heads).map(|(partition, head)| size(partition, head)).collect()
}

fn size(partition: TopicPartition, head: Option<Head>) -> DescribeLogDirsPartition {
    let bytes = head.map_or(0, |head| head.bytes);
    DescribeLogDirsPartition {
        partition_index: partition.partition.0,
        partition_size: i64::try_from(bytes).unwrap_or(i64::MAX),
        ..Default::default()
    }
}
