//! IncrementalAlterConfigs (44): sets, deletes, appends to and subtracts from single configs of topics (KIP-339).

use alluvium_model::topic_config::{AlterOp, Alteration};
use alluvium_wire::ApiKey;
use alluvium_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use crate::kafka::config_alteration::{alter_topic, altered_topic, check_distinct};
use crate::kafka::config_entries::Resource;
use crate::kafka::duplicate_check::DuplicateCheck;
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::IncrementalAlterConfigs, 0..=1, |call| answer(call, handle));

async fn handle(context: Context, request: IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse {
    let mut lookup = TopicLookup::fresh(&context.agent);
    let key = |resource: &AlterConfigsResource| (resource.resource_type, resource.resource_name.clone());
    let mut duplicates: DuplicateCheck<(i8, String)> = request.resources.iter().map(key).collect();
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in &request.resources {
        let unique = duplicates.next(&key(resource), "Each resource must appear at most once.");
        let Some(unique) = unique else { continue };
        let result = match unique {
            Ok(()) => alter(&context, &mut lookup, resource, request.validate_only).await,
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
    IncrementalAlterConfigsResponse { responses, ..Default::default() }
}

async fn alter(
    context: &Context,
    lookup: &mut TopicLookup<'_>,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), ApiError> {
    Resource::of(resource.resource_type)?.check_alterable()?;
    check_distinct(resource.configs.iter().map(|config| config.name.as_str()))?;
    let alterations = resource.configs.iter().map(alteration).collect::<Result<Vec<_>, _>>()?;
    let topic = altered_topic(lookup, &resource.resource_name).await?;
    alter_topic(&context.agent, &topic, &alterations, validate_only).await
}

fn alteration(config: &AlterableConfig) -> Result<Alteration, ApiError> {
    let value = || {
        let missing = || ApiError::invalid_request(format!("Null value not supported for : {}", config.name));
        config.value.clone().ok_or_else(missing)
    };
    let op = match config.config_operation {
        0 => AlterOp::Set(value()?),
        1 => AlterOp::Delete,
        2 => AlterOp::Append(value()?),
        3 => AlterOp::Subtract(value()?),
        other => return Err(ApiError::invalid_request(format!("Unknown config operation {other}"))),
    };
    Ok(Alteration { name: config.name.clone(), op })
}
