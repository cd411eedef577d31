//! DescribeProducers (61): the idempotent and transactional producers with state in a partition.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DescribeProducersRequest of DescribeProducers {
        topics: Vec<TopicRequest>,
    }

    struct TopicRequest {
        name: String,
        partition_indexes: Vec<i32>,
    }

    response DescribeProducersResponse of DescribeProducers {
        throttle_time_ms: i32,
        topics: Vec<TopicResponse>,
    }

    struct TopicResponse {
        name: String,
        partitions: Vec<PartitionResponse>,
    }

    struct PartitionResponse {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<String> [null ..],
        active_producers: Vec<ProducerState>,
    }

    struct ProducerState {
        producer_id: i64,
        producer_epoch: i32,
        last_sequence: i32 = -1,
        last_timestamp: i64 = -1,
        coordinator_epoch: i32,
        current_txn_start_offset: i64 = -1,
    }
}
