//! DescribeConfigs (32): the configuration of topics, brokers and other resources.
//!
//! Version 3 adds types and documentation. Resource types, config sources and config types are Kafka's numbers.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DescribeConfigsRequest of DescribeConfigs {
        resources: Vec<DescribeConfigsResource>,
        include_synonyms: bool,
        include_documentation: bool [in 3..],
    }

    struct DescribeConfigsResource {
        resource_type: i8,
        resource_name: String,
        /// Null: all.
        configuration_keys: Option<Vec<String>> [null ..] = Some(Vec::new()),
    }

    response DescribeConfigsResponse of DescribeConfigs {
        throttle_time_ms: i32,
        results: Vec<DescribeConfigsResult>,
    }

    struct DescribeConfigsResult {
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
        resource_type: i8,
        resource_name: String,
        configs: Vec<DescribeConfigsResourceResult>,
    }

    struct DescribeConfigsResourceResult {
        name: String,
        /// Null if the value is sensitive.
        value: Option<String> [null ..] = Some(String::new()),
        read_only: bool,
        config_source: i8 = -1,
        is_sensitive: bool,
        synonyms: Vec<DescribeConfigsSynonym>,
        config_type: i8 [in 3..],
        documentation: Option<String> [in 3.., null ..] = Some(String::new()),
    }

    struct DescribeConfigsSynonym {
        name: String,
        value: Option<String> [null ..] = Some(String::new()),
        source: i8,
    }
}
