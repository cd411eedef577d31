//! DeleteTopics (20): deletes topics, by name or by id.
//!
//! The name is free and the records are unreadable at once; the records are purged after a grace period.
//!
//! - 1-5: by name. 5: error messages. 6: by name or by id.

use std::collections::HashMap;
use std::sync::Arc;

use alluvium_model::TopicId;
use alluvium_wire::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use alluvium_wire::{ApiKey, ErrorCode};
use uuid::Uuid;

use crate::agent::Agent;
use crate::kafka::duplicate_check::DuplicateCheck;
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;
use crate::metadata_cache::CachedTopic;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DeleteTopics, 1..=6, |call| answer(call, handle));

async fn handle(context: Context, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let agent = &*context.agent;
    let by_name = |name: String| DeleteTopicState { name: Some(name), ..Default::default() };
    let requested: Vec<DeleteTopicState> = request.topic_names.into_iter().map(by_name).chain(request.topics).collect();
    let mut lookup = TopicLookup::fresh(agent);
    let mut found = Vec::with_capacity(requested.len());
    for state in &requested {
        found.push(find(agent, &mut lookup, state, context.version).await);
    }
    let names: HashMap<TopicKey<'_>, String> =
        requested.iter().zip(&found).filter_map(|both| Some((topic_key(both), both.0.name.clone()?))).collect();
    let mut duplicates: DuplicateCheck<TopicKey<'_>> = requested.iter().zip(&found).map(topic_key).collect();
    let mut responses = Vec::with_capacity(requested.len());
    for both in requested.iter().zip(&found) {
        let Some(unique) = duplicates.next(&topic_key(both), "Duplicate topic.") else { continue };
        let (state, found) = both;
        let result = match (unique, found) {
            (Ok(()), Ok(topic)) => delete(agent, topic).await,
            (Err(error), _) => Err(error),
            (Ok(()), Err(error)) => Err(error.clone()),
        };
        let (error_code, error_message) = ApiError::of(&result);
        let (name, topic_id) = match (&result, found) {
            (Ok(()), Ok(topic)) => (Some(topic.topic.name.clone()), topic.topic.id.0),
            _ => (names.get(&topic_key(both)).cloned(), state.topic_id),
        };
        responses.push(DeletableTopicResult { name, topic_id, error_code, error_message });
    }
    DeleteTopicsResponse { responses, ..Default::default() }
}

/// Identifies a topic of the request: a name and an id can be those of the same topic.
#[derive(PartialEq, Eq, Hash)]
enum TopicKey<'a> {
    Topic(TopicId),
    Unknown(Option<&'a str>, Uuid),
}

fn topic_key<'a>((state, found): (&'a DeleteTopicState, &Result<Arc<CachedTopic>, ApiError>)) -> TopicKey<'a> {
    match found {
        Ok(topic) => TopicKey::Topic(topic.topic.id),
        Err(_) => TopicKey::Unknown(state.name.as_deref(), state.topic_id),
    }
}

async fn find(
    agent: &Agent,
    lookup: &mut TopicLookup<'_>,
    state: &DeleteTopicState,
    version: i16,
) -> Result<Arc<CachedTopic>, ApiError> {
    if !agent.config.delete_topic_enable {
        let code = if version < 3 { ErrorCode::INVALID_REQUEST } else { ErrorCode::TOPIC_DELETION_DISABLED };
        return Err(ApiError::new(code, "Topic deletion is disabled."));
    }
    match (&state.name, state.topic_id.is_nil()) {
        (Some(name), true) => lookup.by_name(name).await,
        (None, false) => lookup.by_id(state.topic_id).await,
        (Some(_), false) => Err(ApiError::invalid_request("You may not specify both topic name and topic id.")),
        (None, true) => Err(ApiError::invalid_request("Neither topic name nor id were specified.")),
    }
}

async fn delete(agent: &Agent, topic: &CachedTopic) -> Result<(), ApiError> {
    let grace = agent.config.topic_delete_grace;
    agent.metastore.topics.delete(topic.topic.id, agent.clock.now(), grace).await?;
    agent.metadata_cache.sync().await?;
    Ok(())
}
