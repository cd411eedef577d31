//! DescribeLogDirs (35): how large partitions are. There is one directory, the object store; its size is unknown.
//!
//! - 3: an error for the whole answer. 4: total and usable bytes (-1). 5: cordoned directories, of which there is none.

use alluvium_model::TopicPartition;
use alluvium_wire::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};
use alluvium_wire::{ApiKey, ErrorCode};
use futures::stream::{self, StreamExt};

use crate::agent::Agent;
use crate::kafka::dispatch::{Context, Handler, answer};
use crate::view::TopicView;

pub const HANDLER: Handler = Handler::new(ApiKey::DescribeLogDirs, 1..=5, |call| answer(call, handle));

/// What the one directory is called.
const LOG_DIR: &str = "object-store";
/// Heads read at a time, for one request.
const HEADS_MAX: usize = 32;

async fn handle(context: Context, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let agent = &*context.agent;
    let mut topics = Vec::new();
    for view in agent.view.topics() {
        let wanted: Vec<i32> = match &request.topics {
            None => (0..view.topic.partitions).collect(),
            Some(asked) => asked
                .iter()
                .filter(|asked| asked.topic == view.topic.name)
                .flat_map(|asked| asked.partitions.iter().copied())
                .collect(),
        };
        let partitions = sizes(agent, &view, wanted).await;
        if !partitions.is_empty() {
            topics.push(DescribeLogDirsTopic { name: view.topic.name.clone(), partitions });
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

async fn sizes(agent: &Agent, view: &TopicView, wanted: Vec<i32>) -> Vec<DescribeLogDirsPartition> {
    let partitions = wanted.into_iter().filter_map(|index| Some((index, view.partition(index)?)));
    stream::iter(partitions).map(|(index, partition)| size(agent, index, partition)).buffered(HEADS_MAX).collect().await
}

async fn size(agent: &Agent, index: i32, partition: TopicPartition) -> DescribeLogDirsPartition {
    let bytes = agent.view.head(partition).await.ok().flatten().map_or(0, |head| head.bytes);
    DescribeLogDirsPartition {
        partition_index: index,
        partition_size: i64::try_from(bytes).unwrap_or(i64::MAX),
        ..Default::default()
    }
}
