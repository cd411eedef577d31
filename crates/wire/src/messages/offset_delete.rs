//! OffsetDelete (47): deletes a group's offsets in topics to which it is not subscribed. Has no flexible version.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request OffsetDeleteRequest of OffsetDelete {
        group_id: String,
        topics: Vec<OffsetDeleteRequestTopic>,
    }

    struct OffsetDeleteRequestTopic {
        name: String,
        partitions: Vec<OffsetDeleteRequestPartition>,
    }

    struct OffsetDeleteRequestPartition {
        partition_index: i32,
    }

    response OffsetDeleteResponse of OffsetDelete {
        error_code: ErrorCode,
        throttle_time_ms: i32,
        topics: Vec<OffsetDeleteResponseTopic>,
    }

    struct OffsetDeleteResponseTopic {
        name: String,
        partitions: Vec<OffsetDeleteResponsePartition>,
    }

    struct OffsetDeleteResponsePartition {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
