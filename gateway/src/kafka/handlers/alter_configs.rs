//! AlterConfigs (33): replaces all config overrides of topics. Newer clients use IncrementalAlterConfigs.

use alluvium_model::topic_config::{AlterOp, Alteration};
use alluvium_wire::ApiKey;
use alluvium_wire::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};

use crate::kafka::config_alteration::{alter_topic, altered_topic, check_distinct};
use crate::kafka::config_entries::Resource;
use crate::kafka::duplicate_check::DuplicateCheck;
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::AlterConfigs, 0..=2, |call| answer(call, handle));

async fn handle(context: Context, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let mut lookup = TopicLookup::fresh(&context.agent);
    let key = |resource: &AlterConfigsResource| (resource.resource_type, resource.resource_name.clone());
    let mut duplicates: DuplicateCheck<(i8, String)> = request.resources.iter().map(key).collect();
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in &request.resources {
        let unique = duplicates.next(&key(resource), "Each resource must appear at most once.");
        let Some(unique) = unique else { continue };
        let result = match unique {
            Ok(()) => replace(&context, &mut lookup, resource, request.validate_only).await,
            Err(error) => Err(error),
        };
        let (error_code, error_message) = ApiError::of(&result);
        responses.push(AlterConfigsResourceResponse {
            error_code,
            error_message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
        });
    }
    AlterConfigsResponse { responses, ..Default::default() }
}

async fn replace(
    context: &Context,
    lookup: &mut TopicLookup<'_>,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), ApiError> {
    Resource::of(resource.resource_type)?.check_alterable()?;
    check_distinct(resource.configs.iter().map(|config| config.name.as_str()))?;
    let topic = altered_topic(lookup, &resource.resource_name).await?;
    let mut alterations: Vec<Alteration> =
        topic.topic.configs.keys().map(|name| Alteration { name: name.clone(), op: AlterOp::Delete }).collect();
    for config in &resource.configs {
        let Some(value) = &config.value else {
            return Err(ApiError::invalid_request(format!("Null value not supported for : {}", config.name)));
        };
        alterations.push(Alteration { name: config.name.clone(), op: AlterOp::Set(value.clone()) });
    }
    alter_topic(&context.agent, &topic, &alterations, validate_only).await
}
