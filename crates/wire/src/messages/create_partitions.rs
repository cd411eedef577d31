//! CreatePartitions (37): increases the number of partitions of topics.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request CreatePartitionsRequest of CreatePartitions {
        topics: Vec<CreatePartitionsTopic>,
        timeout_ms: i32,
        validate_only: bool,
    }

    struct CreatePartitionsTopic {
        name: String,
        /// Total number of partitions afterwards.
        count: i32,
        assignments: Option<Vec<CreatePartitionsAssignment>> [null ..] = Some(Vec::new()),
    }

    struct CreatePartitionsAssignment {
        broker_ids: Vec<i32>,
    }

    response CreatePartitionsResponse of CreatePartitions {
        throttle_time_ms: i32,
        results: Vec<CreatePartitionsTopicResult>,
    }

    struct CreatePartitionsTopicResult {
        name: String,
        error_code: ErrorCode,
        error_message: Option<String> [null ..],
    }
}
