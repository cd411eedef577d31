//! ListConfigResources (74): lists resources that have a configuration. Version 0 has client metrics only.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ListConfigResourcesRequest of ListConfigResources {
        /// Empty: all.
        resource_types: Vec<i8> [in 1..],
    }

    response ListConfigResourcesResponse of ListConfigResources {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        config_resources: Vec<ConfigResource>,
    }

    struct ConfigResource {
        resource_name: String,
        /// 16: client metrics.
        resource_type: i8 [in 1..] = 16,
    }
}
