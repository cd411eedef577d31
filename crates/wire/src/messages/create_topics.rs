//! CreateTopics (19): creates topics.
//!
//! -1 partitions or replicas means the broker's default (from version 4). From version 5 the response has the topic's
//! actual settings, from version 7 its id.

use uuid::Uuid;

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request CreateTopicsRequest of CreateTopics {
        topics: Vec<CreatableTopic>,
        timeout_ms: i32 = 60_000,
        validate_only: bool,
    }

    struct CreatableTopic {
        name: String,
        num_partitions: i32,
        replication_factor: i16,
        assignments: Vec<CreatableReplicaAssignment>,
        configs: Vec<CreatableTopicConfig>,
    }

    struct CreatableReplicaAssignment {
        partition_index: i32,
        broker_ids: Vec<i32>,
    }

    struct CreatableTopicConfig {
        name: String,
        value: Option<String> [null ..] = Some(String::new()),
    }

    response CreateTopicsResponse of CreateTopics {
        throttle_time_ms: i32,
        topics: Vec<CreatableTopicResult>,
    }

    struct CreatableTopicResult {
        name: String,
        topic_id: Uuid [in 7..],
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
        /// Why the response has no configs; 0 if it has them.
        topic_config_error_code: ErrorCode [in 5.., tag 0],
        num_partitions: i32 [in 5..] = -1,
        replication_factor: i16 [in 5..] = -1,
        configs: Option<Vec<CreatableTopicConfigs>> [in 5.., null ..] = Some(Vec::new()),
    }

    struct CreatableTopicConfigs {
        name: String,
        value: Option<String> [null ..] = Some(String::new()),
        read_only: bool,
        config_source: i8 = -1,
        is_sensitive: bool,
    }
}
