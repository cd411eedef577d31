//! ListPartitionReassignments (46): lists ongoing moves of partitions.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ListPartitionReassignmentsRequest of ListPartitionReassignments {
        timeout_ms: i32 = 60_000,
        /// Null: all.
        topics: Option<Vec<ListPartitionReassignmentsTopics>> [null ..],
    }

    struct ListPartitionReassignmentsTopics {
        name: String,
        partition_indexes: Vec<i32>,
    }

    response ListPartitionReassignmentsResponse of ListPartitionReassignments {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
        topics: Vec<OngoingTopicReassignment>,
    }

    struct OngoingTopicReassignment {
        name: String,
        partitions: Vec<OngoingPartitionReassignment>,
    }

    struct OngoingPartitionReassignment {
        partition_index: i32,
        replicas: Vec<i32>,
        adding_replicas: Vec<i32>,
        removing_replicas: Vec<i32>,
    }
}
