//! ApiVersions (18): the APIs, versions and features of the broker.
//!
//! Version 3 adds the client's software name and the features, version 4 allows features whose first version is 0
//! (KAFKA-17492). A request of an unknown version gets a response of version 0 (KIP-511).

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ApiVersionsRequest of ApiVersions {
        client_software_name: String [in 3..],
        client_software_version: String [in 3..],
    }

    response ApiVersionsResponse of ApiVersions {
        error_code: ErrorCode,
        api_keys: Vec<ApiVersion>,
        throttle_time_ms: i32 [in 1..],
        supported_features: Vec<SupportedFeatureKey> [in 3.., tag 0],
        /// Clients ignore features unless this epoch grows; -1: no features.
        finalized_features_epoch: i64 [in 3.., tag 1] = -1,
        finalized_features: Vec<FinalizedFeatureKey> [in 3.., tag 2],
        zk_migration_ready: bool [in 3.., tag 3],
    }

    struct ApiVersion {
        api_key: i16,
        min_version: i16,
        max_version: i16,
    }

    struct SupportedFeatureKey {
        name: String [in 3..],
        min_version: i16 [in 3..],
        max_version: i16 [in 3..],
    }

    struct FinalizedFeatureKey {
        name: String [in 3..],
        max_version_level: i16 [in 3..],
        min_version_level: i16 [in 3..],
    }
}
