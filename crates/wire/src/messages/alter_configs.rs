//! AlterConfigs (33): replaces all overrides of a resource. Superseded by IncrementalAlterConfigs, but older tools
//! still send it.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request AlterConfigsRequest of AlterConfigs {
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
        value: Option<String> [null ..] = Some(String::new()),
    }

    response AlterConfigsResponse of AlterConfigs {
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
