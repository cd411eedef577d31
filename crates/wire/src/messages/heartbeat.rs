//! Heartbeat (12): keeps a member of a classic group alive; the response reports a rebalance.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request HeartbeatRequest of Heartbeat {
        group_id: String,
        generation_id: i32,
        member_id: String,
        group_instance_id: Option<String> [in 3.., null ..],
    }

    response HeartbeatResponse of Heartbeat {
        throttle_time_ms: i32 [in 1..],
        error_code: ErrorCode,
    }
}
