//! DeleteRecords (21): moves the log start of partitions forward.

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
        /// The new log start; -1: the high watermark.
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
        /// The log start afterwards.
        low_watermark: i64,
        error_code: ErrorCode,
    }
}
