//! DescribeConfigs (32): the configs of topics and of this agent.
//!
//! - 1: sources and synonyms. 3: types and documentation.
//!
//! For a topic, all its configs are returned, with a source that tells overrides from defaults; for the agent, those
//! that tools read.

use std::collections::HashSet;

use alluvium_wire::ApiKey;
use alluvium_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};

use crate::kafka::config_entries::{ConfigEntry, ConfigSource, Resource, broker_entries, check_broker, topic_entries};
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DescribeConfigs, 1..=4, |call| answer(call, handle));

async fn handle(context: Context, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let mut lookup = TopicLookup::fresh(&context.agent);
    let mut results = Vec::with_capacity(request.resources.len());
    let mut seen = HashSet::with_capacity(request.resources.len());
    for resource in &request.resources {
        // Each only once: a response is a thousand times as long as the name in the request.
        if !seen.insert((resource.resource_type, &resource.resource_name)) {
            continue;
        }
        let entries = entries(&context, &mut lookup, resource).await;
        let (error_code, error_message) = ApiError::of(&entries);
        let wanted = |entry: &ConfigEntry| match &resource.configuration_keys {
            Some(keys) => keys.is_empty() || keys.iter().any(|key| key == entry.name),
            None => true,
        };
        let configs = entries.unwrap_or_default().into_iter().filter(wanted);
        results.push(DescribeConfigsResult {
            error_code,
            // Kafka sends an empty string rather than null.
            error_message: Some(error_message.unwrap_or_default()),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            configs: configs.map(|entry| described(entry, &request)).collect(),
        });
    }
    DescribeConfigsResponse { results, ..Default::default() }
}

async fn entries(
    context: &Context,
    lookup: &mut TopicLookup<'_>,
    resource: &DescribeConfigsResource,
) -> Result<Vec<ConfigEntry>, ApiError> {
    let name = &resource.resource_name;
    match Resource::of(resource.resource_type)? {
        Resource::Topic => {
            alluvium_model::topic::check_name(name)?;
            Ok(topic_entries(&lookup.by_name(name).await?.topic))
        }
        // The defaults of all brokers: none is ever set.
        Resource::Broker if name.is_empty() => Ok(Vec::new()),
        Resource::Broker => check_broker(&context.agent, name).map(|()| broker_entries(&context.agent)),
        Resource::BrokerLogger => check_broker(&context.agent, name).map(|()| Vec::new()),
        Resource::Group | Resource::ClientMetrics => Ok(Vec::new()),
    }
}

fn described(entry: ConfigEntry, request: &DescribeConfigsRequest) -> DescribeConfigsResourceResult {
    let mut synonyms = Vec::new();
    if request.include_synonyms {
        if entry.source == ConfigSource::Topic {
            synonyms.push(synonym(entry.name, &entry.value, ConfigSource::Topic));
        }
        if let Some(name) = entry.synonym {
            synonyms.push(synonym(name, &entry.default, ConfigSource::Default));
        }
    }
    let config_type = entry.kind_code();
    DescribeConfigsResourceResult {
        name: entry.name.to_owned(),
        value: Some(entry.value),
        read_only: entry.read_only,
        config_source: entry.source.code(),
        is_sensitive: false,
        synonyms,
        config_type,
        documentation: request.include_documentation.then(|| entry.doc.to_owned()),
    }
}

fn synonym(name: &str, value: &str, source: ConfigSource) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym { name: name.to_owned(), value: Some(value.to_owned()), source: source.code() }
}
