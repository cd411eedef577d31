//! The two routes: to a topic, and to one of its partitions.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};

use super::super::error::HttpError;
use super::super::format::{Format, KafkaJson};
use super::super::service::ServiceState;
use super::super::topics::{find_or_create, partition_in, partition_path, topic_of};
use super::answer::{ProduceAnswer, answer};
use super::body::{NewRecord, parse};
use super::plan::{Target, plan};
use super::read_body::read;
use crate::agent::Agent;
use crate::metadata_cache::CachedTopic;
use crate::produce::Permit;

/// `POST /topics/{topic}`: each record names its partition, or its key chooses it.
pub async fn to_topic(
    State(service): ServiceState,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<KafkaJson<ProduceAnswer>, HttpError> {
    let agent = &service.agent;
    let topic = topic_of(path)?;
    let (records, permit) = records(agent, request).await?;
    let topic = find_or_create(agent, &topic).await?;
    let target = Target::Topic { random: agent.rng.next_u64() };
    append(agent, &topic, target, &records, permit).await
}

/// `POST /topics/{topic}/partitions/{partition}`.
pub async fn to_partition(
    State(service): ServiceState,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<KafkaJson<ProduceAnswer>, HttpError> {
    let agent = &service.agent;
    let (topic, index) = partition_path(path)?;
    let (records, permit) = records(agent, request).await?;
    let topic = find_or_create(agent, &topic).await?;
    let target = Target::Partition(partition_in(&topic, &index)?);
    append(agent, &topic, target, &records, permit).await
}

async fn records(agent: &Agent, request: Request) -> Result<(Vec<NewRecord>, Permit), HttpError> {
    let format = Format::of_body(request.headers())?;
    let (body, permit) = read(agent, request).await?;
    Ok((parse(&body, format)?, permit))
}

async fn append(
    agent: &Agent,
    topic: &Arc<CachedTopic>,
    target: Target,
    records: &[NewRecord],
    permit: Permit,
) -> Result<KafkaJson<ProduceAnswer>, HttpError> {
    let mut plan = plan(topic, target, records, agent.clock.now())?;
    let partitions: Vec<i32> = plan.appends.iter().map(|append| append.partition.partition.0).collect();
    let outcomes = agent.produce.append(std::mem::take(&mut plan.appends), permit).await;
    Ok(KafkaJson(answer(&plan, &partitions, &outcomes)?))
}
