//! Administrators: create topics, add partitions, delete records and topics.

use std::time::Duration;

use alluvium_client::{ClientError, ConnectionPool};
use alluvium_model::{Offset, PartitionIndex, TopicId, TopicPartition};
use alluvium_wire::ErrorCode;
use alluvium_wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use alluvium_wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use alluvium_wire::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use alluvium_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use alluvium_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use super::Client;
use crate::history::{Admin, EventKind, Outcome};
use crate::plan::TopicPlan;
use crate::recorder::RecordOnDrop;

/// Kafka's `ConfigResource.Type.TOPIC`.
const TOPIC: i8 = 2;
/// Error codes that say that the operation had no effect. (Others leave it open.)
const WITHOUT_EFFECT: &[ErrorCode] = &[
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::UNKNOWN_TOPIC_ID,
    ErrorCode::OFFSET_OUT_OF_RANGE,
    ErrorCode::INVALID_PARTITIONS,
    ErrorCode::TOPIC_ALREADY_EXISTS,
    ErrorCode::INVALID_REQUEST,
];

/// Creates `topics`; retries each until it exists.
pub async fn create_topics(client: &Client, topics: &[TopicPlan]) {
    let mut routes = client.routes();
    for topic in topics {
        while !client.stop.is_cancelled() && !create(client, &mut routes, topic).await {}
    }
}

/// Changes topics until it is stopped. It deletes one at most, and none without `deletes`.
pub async fn administrate(client: Client, mut topics: Vec<TopicPlan>, deletes: bool) {
    let mut routes = client.routes();
    let mut deletions = client.rng.count(0, 1) * usize::from(deletes);
    loop {
        client.think(Duration::from_secs(1), Duration::from_secs(20)).await;
        if client.stop.is_cancelled() {
            return;
        }
        let place = client.rng.count(0, topics.len() - 1);
        match client.rng.below(10) {
            0..6 => delete_records(&client, &mut routes, &topics[place]).await,
            6..8 => {
                let count = topics[place].partitions + 1;
                if add_partitions(&client, &mut routes, &topics[place].name, count).await {
                    topics[place].partitions = count;
                }
            }
            _ if deletions > 0 => {
                deletions -= 1;
                if delete_topic(&client, &mut routes, &topics[place].name).await {
                    create_topics(&client, &topics[place..=place]).await;
                }
            }
            _ => {}
        }
    }
}

async fn create(client: &Client, routes: &mut ConnectionPool, plan: &TopicPlan) -> bool {
    let config =
        |(name, value): &(String, String)| CreatableTopicConfig { name: name.clone(), value: Some(value.clone()) };
    let topic = CreatableTopic {
        name: plan.name.clone(),
        num_partitions: plan.partitions,
        replication_factor: 1,
        configs: plan.configs.iter().map(config).collect(),
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..CreateTopicsRequest::default() };
    let began = client.recorder.now();
    let known =
        match routes.call_any(&request).await {
            Ok(answer) => answer.topics.into_iter().next().is_some_and(|result| {
                result.error_code.is_none() || result.error_code == ErrorCode::TOPIC_ALREADY_EXISTS
            }),
            Err(_) => false,
        };
    let layout = if known { routes.topic(&plan.name).await.ok() } else { None };
    let Some(layout) = layout else {
        client.think(Duration::from_millis(100), Duration::from_secs(1)).await;
        return false;
    };
    if !client.recorder.is_new(TopicId(layout.id)) {
        return true;
    }
    record(
        client,
        Admin::TopicCreated {
            began,
            topic: TopicId(layout.id),
            name: plan.name.clone(),
            partitions: i32::try_from(layout.leaders.len()).unwrap_or(plan.partitions),
            retention: plan.retention,
        },
    );
    true
}

/// Switches the retention of the topics off.
///
/// # Errors
/// If no agent answers, or one rejects the change.
pub async fn disable_retention(client: &Client, topics: &[TopicPlan]) -> Result<(), ClientError> {
    let mut routes = client.routes();
    for plan in topics {
        let config =
            |name: &str| AlterableConfig { name: name.to_owned(), config_operation: 0, value: Some("-1".to_owned()) };
        let resource = AlterConfigsResource {
            resource_type: TOPIC,
            resource_name: plan.name.clone(),
            configs: vec![config("retention.ms"), config("retention.bytes")],
        };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
        for outcome in routes.call_any(&request).await?.responses {
            if outcome.error_code != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
                ClientError::check(format!("settings of {}", plan.name), outcome.error_code, None)?;
            }
        }
    }
    Ok(())
}

async fn delete_records(client: &Client, routes: &mut ConnectionPool, plan: &TopicPlan) {
    let Ok(layout) = routes.topic(&plan.name).await else { return };
    let index = i32::try_from(client.rng.count(0, layout.leaders.len() - 1)).unwrap_or(0);
    let before = (!client.rng.chance(100)).then(|| i64::try_from(client.rng.below(60)).unwrap_or(0));
    let request = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: plan.name.clone(),
            partitions: vec![DeleteRecordsPartition { partition_index: index, offset: before.unwrap_or(-1) }],
        }],
        timeout_ms: 10_000,
    };
    let began = client.recorder.now();
    let partition = TopicPartition::new(TopicId(layout.id), PartitionIndex(index));
    let event =
        |outcome, log_start| Admin::RecordsDeleted { began, partition, before: before.map(Offset), outcome, log_start };
    let record_on_drop = record_on_drop(client, event(Outcome::Unknown, None));
    let answer = routes.call_any(&request).await.ok();
    record_on_drop.disarm();
    let found = answer.and_then(|answer| answer.topics.into_iter().flat_map(|topic| topic.partitions).next());
    let (outcome, log_start) = match found {
        Some(found) => {
            let outcome = outcome_of(found.error_code);
            (outcome, (outcome == Outcome::Done).then_some(Offset(found.low_watermark)))
        }
        None => (Outcome::Unknown, None),
    };
    record(client, event(outcome, log_start));
}

async fn add_partitions(client: &Client, routes: &mut ConnectionPool, name: &str, count: i32) -> bool {
    let Ok(layout) = routes.topic(name).await else { return false };
    let request = CreatePartitionsRequest {
        topics: vec![CreatePartitionsTopic { name: name.to_owned(), count, assignments: None }],
        timeout_ms: 10_000,
        validate_only: false,
    };
    let began = client.recorder.now();
    let event = |outcome| Admin::PartitionsAdded { began, topic: TopicId(layout.id), partitions: count, outcome };
    let record_on_drop = record_on_drop(client, event(Outcome::Unknown));
    let answer = routes.call_any(&request).await.ok();
    record_on_drop.disarm();
    let code = answer.and_then(|answer| answer.results.into_iter().next()).map(|result| result.error_code);
    let outcome = code.map_or(Outcome::Unknown, outcome_of);
    record(client, event(outcome));
    outcome != Outcome::Refused
}

async fn delete_topic(client: &Client, routes: &mut ConnectionPool, name: &str) -> bool {
    let Ok(layout) = routes.topic(name).await else { return false };
    let request = DeleteTopicsRequest {
        topics: vec![DeleteTopicState { name: None, topic_id: layout.id }],
        topic_names: vec![name.to_owned()],
        timeout_ms: 10_000,
    };
    let began = client.recorder.now();
    let event = |outcome| Admin::TopicDeleted { began, topic: TopicId(layout.id), outcome };
    let record_on_drop = record_on_drop(client, event(Outcome::Unknown));
    let answer = routes.call_any(&request).await.ok();
    record_on_drop.disarm();
    let code = answer.and_then(|answer| answer.responses.into_iter().next()).map(|result| result.error_code);
    let outcome = code.map_or(Outcome::Unknown, outcome_of);
    record(client, event(outcome));
    outcome != Outcome::Refused
}

fn outcome_of(code: ErrorCode) -> Outcome {
    if code.is_none() {
        Outcome::Done
    } else if WITHOUT_EFFECT.contains(&code) {
        Outcome::Refused
    } else {
        Outcome::Unknown
    }
}

/// Records `what` if the administrator is killed before the answer.
fn record_on_drop(client: &Client, what: Admin) -> RecordOnDrop {
    client.recorder.record_on_drop(client.actor, vec![EventKind::Admin(what)])
}

fn record(client: &Client, what: Admin) {
    client.recorder.record(client.actor, EventKind::Admin(what));
}
