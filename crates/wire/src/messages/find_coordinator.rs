//! FindCoordinator (10): the broker that coordinates a group or a transactional id.
//!
//! Up to version 3 one key, with the response in the fields besides `coordinators`; from version 4 several keys.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request FindCoordinatorRequest of FindCoordinator {
        key: String [in ..=3],
        /// 0: group, 1: transactional id, 2: share group (6+).
        key_type: i8 [in 1..],
        coordinator_keys: Vec<String> [in 4..],
    }

    response FindCoordinatorResponse of FindCoordinator {
        throttle_time_ms: i32 [in 1..],
        error_code: ErrorCode [in ..=3],
        error_message: Option<String> [in 1..=3, null ..] = Some(String::new()),
        node_id: i32 [in ..=3],
        host: String [in ..=3],
        port: i32 [in ..=3],
        coordinators: Vec<Coordinator> [in 4..],
    }

    struct Coordinator {
        key: String,
        node_id: i32,
        host: String,
        port: i32,
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
    }
}
