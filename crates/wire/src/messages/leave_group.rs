//! LeaveGroup (13): removes one member (up to version 2), or several, including static ones by instance id (from
//! version 3).

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request LeaveGroupRequest of LeaveGroup {
        group_id: String,
        member_id: String [in ..=2],
        members: Vec<MemberIdentity> [in 3..],
    }

    struct MemberIdentity {
        member_id: String,
        group_instance_id: Option<String> [null ..],
        reason: Option<String> [in 5.., null ..],
    }

    response LeaveGroupResponse of LeaveGroup {
        throttle_time_ms: i32 [in 1..],
        error_code: ErrorCode,
        members: Vec<MemberResponse> [in 3..],
    }

    struct MemberResponse {
        member_id: String,
        group_instance_id: Option<String> [null ..] = Some(String::new()),
        error_code: ErrorCode,
    }
}
