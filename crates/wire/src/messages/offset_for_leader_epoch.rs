//! OffsetForLeaderEpoch (23): the end offset of a leader epoch, so that a consumer detects a truncated log.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request OffsetForLeaderEpochRequest of OffsetForLeaderEpoch {
        /// -1 for consumers, -2 if the version has no such field.
        replica_id: i32 [in 3..] = -2,
        topics: Vec<OffsetForLeaderTopic>,
    }

    struct OffsetForLeaderTopic {
        topic: String,
        partitions: Vec<OffsetForLeaderPartition>,
    }

    struct OffsetForLeaderPartition {
        partition: i32,
        current_leader_epoch: i32 = -1,
        leader_epoch: i32,
    }

    response OffsetForLeaderEpochResponse of OffsetForLeaderEpoch {
        throttle_time_ms: i32,
        topics: Vec<OffsetForLeaderTopicResult>,
    }

    struct OffsetForLeaderTopicResult {
        topic: String,
        partitions: Vec<EpochEndOffset>,
    }

    struct EpochEndOffset {
        error_code: ErrorCode,
        partition: i32,
        leader_epoch: i32 = -1,
        end_offset: i64 = -1,
    }
}
