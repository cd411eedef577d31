//! TxnOffsetCommit (28): stores a group's offsets when a transaction commits. Member and generation are checked from
//! version 3.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request TxnOffsetCommitRequest of TxnOffsetCommit {
        transactional_id: String,
        group_id: String,
        producer_id: i64,
        producer_epoch: i16,
        generation_id: i32 [in 3..] = -1,
        member_id: String [in 3..],
        group_instance_id: Option<String> [in 3.., null ..],
        topics: Vec<TxnOffsetCommitRequestTopic>,
    }

    struct TxnOffsetCommitRequestTopic {
        name: String,
        partitions: Vec<TxnOffsetCommitRequestPartition>,
    }

    struct TxnOffsetCommitRequestPartition {
        partition_index: i32,
        committed_offset: i64,
        committed_leader_epoch: i32 [in 2..] = -1,
        committed_metadata: Option<String> [null ..] = Some(String::new()),
    }

    response TxnOffsetCommitResponse of TxnOffsetCommit {
        throttle_time_ms: i32,
        topics: Vec<TxnOffsetCommitResponseTopic>,
    }

    struct TxnOffsetCommitResponseTopic {
        name: String,
        partitions: Vec<TxnOffsetCommitResponsePartition>,
    }

    struct TxnOffsetCommitResponsePartition {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
