//! OffsetCommit (8): stores a group's offsets.
//!
//! Topics are named by id from version 10. `retention_time_ms` (until version 4) is ignored, as in
//! Kafka.

use uuid::Uuid;

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request OffsetCommitRequest of OffsetCommit {
        group_id: String,
        /// -1 for a commit outside of any generation.
        generation_id_or_member_epoch: i32 = -1,
        member_id: String,
        group_instance_id: Option<String> [in 7.., null ..],
        retention_time_ms: i64 [in ..=4] = -1,
        topics: Vec<OffsetCommitRequestTopic>,
    }

    struct OffsetCommitRequestTopic {
        name: String [in ..=9],
        topic_id: Uuid [in 10..],
        partitions: Vec<OffsetCommitRequestPartition>,
    }

    struct OffsetCommitRequestPartition {
        partition_index: i32,
        committed_offset: i64,
        committed_leader_epoch: i32 [in 6..] = -1,
        committed_metadata: Option<String> [null ..] = Some(String::new()),
    }

    response OffsetCommitResponse of OffsetCommit {
        throttle_time_ms: i32 [in 3..],
        topics: Vec<OffsetCommitResponseTopic>,
    }

    struct OffsetCommitResponseTopic {
        name: String [in ..=9],
        topic_id: Uuid [in 10..],
        partitions: Vec<OffsetCommitResponsePartition>,
    }

    struct OffsetCommitResponsePartition {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
