//! OffsetFetch (9): reads the stored offsets of groups.
//!
//! Up to version 7 one group, in the fields besides `groups`; from version 8 several. Null topics mean all (from
//! version 2). Topics are named by id from version 10.

use uuid::Uuid;

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request OffsetFetchRequest of OffsetFetch {
        group_id: String [in ..=7],
        topics: Option<Vec<OffsetFetchRequestTopic>> [in ..=7, null 2..] = Some(Vec::new()),
        groups: Vec<OffsetFetchRequestGroup> [in 8..],
        require_stable: bool [in 7..],
    }

    struct OffsetFetchRequestTopic {
        name: String,
        partition_indexes: Vec<i32>,
    }

    struct OffsetFetchRequestGroup {
        group_id: String,
        member_id: Option<String> [in 9.., null ..],
        member_epoch: i32 [in 9..] = -1,
        topics: Option<Vec<OffsetFetchRequestTopics>> [null ..] = Some(Vec::new()),
    }

    struct OffsetFetchRequestTopics {
        name: String [in ..=9],
        topic_id: Uuid [in 10..],
        partition_indexes: Vec<i32>,
    }

    response OffsetFetchResponse of OffsetFetch {
        throttle_time_ms: i32 [in 3..],
        topics: Vec<OffsetFetchResponseTopic> [in ..=7],
        error_code: ErrorCode [in 2..=7],
        groups: Vec<OffsetFetchResponseGroup> [in 8..],
    }

    struct OffsetFetchResponseTopic {
        name: String,
        partitions: Vec<OffsetFetchResponsePartition>,
    }

    struct OffsetFetchResponsePartition {
        partition_index: i32,
        /// -1 if no offset is stored.
        committed_offset: i64,
        committed_leader_epoch: i32 [in 5..] = -1,
        metadata: Option<String> [null ..] = Some(String::new()),
        error_code: ErrorCode,
    }

    struct OffsetFetchResponseGroup {
        group_id: String,
        topics: Vec<OffsetFetchResponseTopics>,
        error_code: ErrorCode,
    }

    struct OffsetFetchResponseTopics {
        name: String [in ..=9],
        topic_id: Uuid [in 10..],
        partitions: Vec<OffsetFetchResponsePartitions>,
    }

    struct OffsetFetchResponsePartitions {
        partition_index: i32,
        committed_offset: i64,
        committed_leader_epoch: i32 = -1,
        metadata: Option<String> [null ..] = Some(String::new()),
        error_code: ErrorCode,
    }
}
