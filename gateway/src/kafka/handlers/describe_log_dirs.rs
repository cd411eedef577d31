//! DescribeLogDirs (35): the sizes of partitions. There is one directory, the object store; its own size is unknown.
//!
//! Tools ask all agents and add up the sizes, so each agent reports only the partitions that it leads.
//!
//! - 3: an error for the whole response. 4: total and usable bytes (-1). 5: cordoned directories, of which there is
//!   none.

use std::collections::BTreeSet;

use alluvium_model::TopicPartition;
use alluvium_wire::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::agent::Agent;
use crate::kafka::errors::HasErrorCode;
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
    let (mut topics, mut error_code) = (Vec::new(), ErrorCode::NONE);
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
        match sizes(agent, wanted.filter(|partition| topology.leader(*partition) == this).collect()).await {
            Ok(partitions) if partitions.is_empty() => {}
            Ok(partitions) => topics.push(DescribeLogDirsTopic { name: cached.topic.name.clone(), partitions }),
            // Sizes of some topics would pass for those of all.
            Err(error) => {
                topics.clear();
                error_code = error.code();
                break;
            }
        }
    }
    let result = DescribeLogDirsResult { error_code, log_dir: LOG_DIR.to_owned(), topics, ..Default::default() };
    DescribeLogDirsResponse { results: vec![result], ..Default::default() }
}

/// Sizes from the metastore: the agent's metadata cache does not follow them.
async fn sizes(
    agent: &Agent,
    partitions: Vec<TopicPartition>,
) -> Result<Vec<DescribeLogDirsPartition>, alluvium_metastore::Error> {
    let sizes = agent.metadata_cache.log().sizes(&partitions).await?;
    // A partition that is unknown by now was deleted a moment ago.
    let known = partitions.into_iter().zip(sizes).filter_map(|(partition, bytes)| Some((partition, bytes?)));
    Ok(known.map(|(partition, bytes)| size(partition, bytes)).collect())
}

fn size(partition: TopicPartition, bytes: u64) -> DescribeLogDirsPartition {
    DescribeLogDirsPartition {
        partition_index: partition.partition.0,
        partition_size: i64::try_from(bytes).unwrap_or(i64::MAX),
        ..Default::default()
    }
}
