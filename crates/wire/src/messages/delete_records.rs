//! DeleteRecords (21): move the start of a partition's log forward.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DeleteRecordsRequest of DeleteRecords {
        topics: Vec<DeleteRecordsTopic>,
        timeout_ms: i32,
    }

    struct DeleteRecordsTopic {
        name: String,
        partitions: Vec<DeleteRecordsPartition>,
    }

    struct DeleteRecordsPartition {
        partition_index: i32,
        /// The new start; -1 for the high watermark.
        offset: i64,
    }

    response DeleteRecordsResponse of DeleteRecords {
        throttle_time_ms: i32,
        topics: Vec<DeleteRecordsTopicResult>,
    }

    struct DeleteRecordsTopicResult {
        name: String,
        partitions: Vec<DeleteRecordsPartitionResult>,
    }

    struct DeleteRecordsPartitionResult {
        partition_index: i32,
        /// The log's start afterwards.
        low_watermark: i64,
        error_code: ErrorCode,
    }
}
