//! SyncGroup (14): the leader sends the assignments of a generation, and every member gets its own.

use bytes::Bytes;

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request SyncGroupRequest of SyncGroup {
        group_id: String,
        generation_id: i32,
        member_id: String,
        group_instance_id: Option<String> [in 3.., null ..],
        protocol_type: Option<String> [in 5.., null ..],
        protocol_name: Option<String> [in 5.., null ..],
        assignments: Vec<SyncGroupRequestAssignment>,
    }

    struct SyncGroupRequestAssignment {
        member_id: String,
        assignment: Bytes,
    }

    response SyncGroupResponse of SyncGroup {
        throttle_time_ms: i32 [in 1..],
        error_code: ErrorCode,
        protocol_type: Option<String> [in 5.., null ..],
        protocol_name: Option<String> [in 5.., null ..],
        assignment: Bytes,
    }
}
