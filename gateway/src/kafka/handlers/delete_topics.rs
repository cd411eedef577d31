//! DeleteTopics (20): topics by name, or by id.
//!
//! The name is free and the records are out of reach at once; they are purged after a grace period.
//!
//! - 1-5: by name. 5: messages. 6: by name or by id.

use std::collections::HashMap;
use std::sync::Arc;

use alluvium_model::TopicId;
use alluvium_wire::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use alluvium_wire::{ApiKey, ErrorCode};
use uuid::Uuid;

use crate::agent::Agent;
use crate::kafka::dispatch::{Context, Handler, answer};
use crate::kafka::duplicate_check::DuplicateCheck;
use crate::kafka::errors::Refused;
use crate::kafka::topic_lookup::TopicLookup;
use crate::metadata_cache::CachedTopic;

pub const HANDLER: Handler = Handler::new(ApiKey::DeleteTopics, 1..=6, |call| answer(call, handle));

async fn handle(context: Context, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let agent = &*context.agent;
    let by_name = |name: String| DeleteTopicState { name: Some(name), ..Default::default() };
    let asked: Vec<DeleteTopicState> = request.topic_names.into_iter().map(by_name).chain(request.topics).collect();
    let mut lookup = TopicLookup::fresh(agent);
    let mut found = Vec::with_capacity(asked.len());
    for state in &asked {
        found.push(find(agent, &mut lookup, state, context.version).await);
    }
    let names: HashMap<Named<'_>, String> =
        asked.iter().zip(&found).filter_map(|both| Some((named(both), both.0.name.clone()?))).collect();
    let mut duplicates: DuplicateCheck<Named<'_>> = asked.iter().zip(&found).map(named).collect();
    let mut responses = Vec::with_capacity(asked.len());
    for both in asked.iter().zip(&found) {
        let Some(once) = duplicates.next(&named(both), "Duplicate topic.") else { continue };
        let (state, found) = both;
        let result = match (once, found) {
            (Ok(()), Ok(topic)) => delete(agent, topic).await,
            (Err(refused), _) => Err(refused),
            (Ok(()), Err(refused)) => Err(refused.clone()),
        };
        let (error_code, error_message) = Refused::of(&result);
        let (name, topic_id) = match (&result, found) {
            (Ok(()), Ok(topic)) => (Some(topic.topic.name.clone()), topic.topic.id.0),
            _ => (names.get(&named(both)).cloned(), state.topic_id),
        };
        responses.push(DeletableTopicResult { name, topic_id, error_code, error_message });
    }
    DeleteTopicsResponse { responses, ..Default::default() }
}

/// What tells one topic of the request from another: a name and an id can be of the same.
#[derive(PartialEq, Eq, Hash)]
enum Named<'a> {
    Topic(TopicId),
    Unknown(Option<&'a str>, Uuid),
}

fn named<'a>((state, found): (&'a DeleteTopicState, &Result<Arc<CachedTopic>, Refused>)) -> Named<'a> {
    match found {
        Ok(topic) => Named::Topic(topic.topic.id),
        Err(_) => Named::Unknown(state.name.as_deref(), state.topic_id),
    }
}

async fn find(
    agent: &Agent,
    lookup: &mut TopicLookup<'_>,
    state: &DeleteTopicState,
    version: i16,
) -> Result<Arc<CachedTopic>, Refused> {
    if !agent.config.delete_topic_enable {
        let code = if version < 3 { ErrorCode::INVALID_REQUEST } else { ErrorCode::TOPIC_DELETION_DISABLED };
        return Err(Refused::new(code, "Topic deletion is disabled."));
    }
    match (&state.name, state.topic_id.is_nil()) {
        (Some(name), true) => lookup.by_name(name).await,
        (None, false) => lookup.by_id(state.topic_id).await,
        (Some(_), false) => Err(Refused::invalid_request("You may not specify both topic name and topic id.")),
        (None, true) => Err(Refused::invalid_request("Neither topic name nor id were specified.")),
    }
}

async fn delete(agent: &Agent, topic: &CachedTopic) -> Result<(), Refused> {
    let grace = agent.config.topic_delete_grace;
    agent.metastore.topics.delete(topic.topic.id, agent.clock.now(), grace).await?;
    agent.metadata_cache.sync().await?;
    Ok(())
}
