//! ListOffsets (2): finds the offset for a timestamp, or for one of the special timestamps below zero.
//!
//! Special timestamps, with the version that adds them: -1 latest and -2 earliest (1), -3 of the greatest timestamp
//! (7), -4 earliest local (8), -5 latest tiered (9), -6 earliest pending upload (11).

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ListOffsetsRequest of ListOffsets {
        /// -1 for consumers.
        replica_id: i32,
        /// 0: read uncommitted, 1: read committed.
        isolation_level: i8 [in 2..],
        topics: Vec<ListOffsetsTopic>,
        timeout_ms: i32 [in 10..],
    }

    struct ListOffsetsTopic {
        name: String,
        partitions: Vec<ListOffsetsPartition>,
    }

    struct ListOffsetsPartition {
        partition_index: i32,
        current_leader_epoch: i32 [in 4..] = -1,
        timestamp: i64,
    }

    response ListOffsetsResponse of ListOffsets {
        throttle_time_ms: i32 [in 2..],
        topics: Vec<ListOffsetsTopicResponse>,
    }

    struct ListOffsetsTopicResponse {
        name: String,
        partitions: Vec<ListOffsetsPartitionResponse>,
    }

    struct ListOffsetsPartitionResponse {
        partition_index: i32,
        error_code: ErrorCode,
        /// Timestamp of the record found, or -1.
        timestamp: i64 = -1,
        offset: i64 = -1,
        leader_epoch: i32 [in 4..] = -1,
    }
}
