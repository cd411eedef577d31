//! AlterPartitionReassignments (45): moves partitions to other replicas, or cancels a move.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request AlterPartitionReassignmentsRequest of AlterPartitionReassignments {
        timeout_ms: i32 = 60_000,
        allow_replication_factor_change: bool [in 1..] = true,
        topics: Vec<ReassignableTopic>,
    }

    struct ReassignableTopic {
        name: String,
        partitions: Vec<ReassignablePartition>,
    }

    struct ReassignablePartition {
        partition_index: i32,
        /// Null cancels a reassignment.
        replicas: Option<Vec<i32>> [null ..],
    }

    response AlterPartitionReassignmentsResponse of AlterPartitionReassignments {
        throttle_time_ms: i32,
        allow_replication_factor_change: bool [in 1..] = true,
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
        responses: Vec<ReassignableTopicResponse>,
    }

    struct ReassignableTopicResponse {
        name: String,
        partitions: Vec<ReassignablePartitionResponse>,
    }

    struct ReassignablePartitionResponse {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
    }
}
