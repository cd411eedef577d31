//! DescribeTopicPartitions (75): topics and partitions, in pages.

use uuid::Uuid;

use super::OPERATIONS_OMITTED;
use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DescribeTopicPartitionsRequest of DescribeTopicPartitions {
        /// Empty: all.
        topics: Vec<TopicRequest>,
        response_partition_limit: i32 = 2000,
        cursor: Option<Cursor> [null ..],
    }

    struct TopicRequest {
        name: String,
    }

    /// The first partition of a page.
    struct Cursor {
        topic_name: String,
        partition_index: i32,
    }

    response DescribeTopicPartitionsResponse of DescribeTopicPartitions {
        throttle_time_ms: i32,
        topics: Vec<DescribeTopicPartitionsResponseTopic>,
        /// Start of the next page; null on the last page.
        next_cursor: Option<Cursor> [null ..],
    }

    struct DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode,
        name: Option<String> [null ..] = Some(String::new()),
        topic_id: Uuid,
        is_internal: bool,
        partitions: Vec<DescribeTopicPartitionsResponsePartition>,
        topic_authorized_operations: i32 = OPERATIONS_OMITTED,
    }

    struct DescribeTopicPartitionsResponsePartition {
        error_code: ErrorCode,
        partition_index: i32,
        leader_id: i32,
        leader_epoch: i32 = -1,
        replica_nodes: Vec<i32>,
        isr_nodes: Vec<i32>,
        eligible_leader_replicas: Option<Vec<i32>> [null ..],
        last_known_elr: Option<Vec<i32>> [null ..],
        offline_replicas: Vec<i32>,
    }
}
