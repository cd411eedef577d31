//! IncrementalAlterConfigs (44): changes single overrides of a resource.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request IncrementalAlterConfigsRequest of IncrementalAlterConfigs {
        resources: Vec<AlterConfigsResource>,
        validate_only: bool,
    }

    struct AlterConfigsResource {
        resource_type: i8,
        resource_name: String,
        configs: Vec<AlterableConfig>,
    }

    struct AlterableConfig {
        name: String,
        /// 0: set, 1: delete, 2: append to a list, 3: subtract from a list.
        config_operation: i8,
        value: Option<String> [null ..] = Some(String::new()),
    }

    response IncrementalAlterConfigsResponse of IncrementalAlterConfigs {
        throttle_time_ms: i32,
        responses: Vec<AlterConfigsResourceResponse>,
    }

    struct AlterConfigsResourceResponse {
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
        resource_type: i8,
        resource_name: String,
    }
}
