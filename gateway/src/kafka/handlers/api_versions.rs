//! ApiVersions (18): the APIs served, their versions, and the cluster's features.
//!
//! - A version newer than ours is answered in version 0 with error 35 and this API's own range, so that the client can
//!   retry in one step (KIP-511).
//! - 3: the client names its software; features, of which those with first version 0 are left out (KAFKA-17492).
//! - 4: all features.
//!
//! Version 5 is not served: it assumes that one address is one node, which does not hold behind a load balancer.

use alluvium_wire::frame::RequestHeader;
use alluvium_wire::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::handler::{Context, Handler, Reply, answer, respond_in};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::ApiVersions, 0..=4, |call| answer(call, handle));

/// Features are the same on every agent and never change, so their epoch is constant. (-1 would hide them from
/// clients.)
const FEATURES_EPOCH: i64 = 0;

/// Name, first and last supported version, finalized version (0: off). The new group protocol is off.
const FEATURES: [(&str, i16, i16, i16); 3] = [
    ("group.version", 0, 0, 0),
    // Level 25 is Kafka 4.0: user interfaces show it as the broker's version.
    ("metadata.version", 7, 25, 25),
    ("transaction.version", 0, 2, 2),
];

async fn handle(context: Context, request: ApiVersionsRequest) -> ApiVersionsResponse {
    let version = context.version;
    let is_valid =
        is_software_name(&request.client_software_name) && is_software_name(&request.client_software_version);
    if version >= 3 && !is_valid {
        return ApiVersionsResponse { error_code: ErrorCode::INVALID_REQUEST, ..Default::default() };
    }
    ApiVersionsResponse {
        api_keys: context.apis.iter().map(|handler| range(handler)).collect(),
        supported_features: supported(version),
        finalized_features_epoch: FEATURES_EPOCH,
        finalized_features: finalized(),
        ..Default::default()
    }
}

/// The response to a version that is not served yet.
pub fn answer_future(header: &RequestHeader) -> Reply {
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![range(&HANDLER)],
        ..Default::default()
    };
    respond_in(0, header, &response)
}

fn range(handler: &Handler) -> ApiVersion {
    ApiVersion {
        api_key: handler.api.code(),
        min_version: handler.api.advertised().min,
        max_version: *handler.versions.end(),
    }
}

fn supported(version: i16) -> Vec<SupportedFeatureKey> {
    FEATURES
        .iter()
        .filter(|(_, min, ..)| version >= 4 || *min > 0)
        .map(|(name, min, max, _)| SupportedFeatureKey {
            name: (*name).to_owned(),
            min_version: *min,
            max_version: *max,
        })
        .collect()
}

fn finalized() -> Vec<FinalizedFeatureKey> {
    FEATURES
        .iter()
        .filter(|(.., level)| *level > 0)
        .map(|(name, .., level)| FinalizedFeatureKey {
            name: (*name).to_owned(),
            max_version_level: *level,
            min_version_level: *level,
        })
        .collect()
}

/// Letters, digits, `-` and `.`, beginning and ending with a letter or digit (KIP-511).
fn is_software_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let outer = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    outer(text.bytes().next()) && outer(text.bytes().next_back()) && text.bytes().all(inner)
}
