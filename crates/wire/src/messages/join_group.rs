//! JoinGroup (11): joins a classic group, or its next generation.
//!
//! From version 4 a new member first gets its id and joins again with it (KIP-394). Version 5 adds static members
//! (KIP-345), version 9 `skip_assignment`. Only the leader gets the list of members.

use bytes::Bytes;

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request JoinGroupRequest of JoinGroup {
        group_id: String,
        session_timeout_ms: i32,
        rebalance_timeout_ms: i32 [in 1..] = -1,
        member_id: String,
        group_instance_id: Option<String> [in 5.., null ..],
        protocol_type: String,
        protocols: Vec<JoinGroupRequestProtocol>,
        reason: Option<String> [in 8.., null ..],
    }

    struct JoinGroupRequestProtocol {
        name: String,
        /// Opaque metadata for the leader.
        metadata: Bytes,
    }

    response JoinGroupResponse of JoinGroup {
        throttle_time_ms: i32 [in 2..],
        error_code: ErrorCode,
        generation_id: i32 = -1,
        protocol_type: Option<String> [in 7.., null ..],
        protocol_name: Option<String> [null 7..] = Some(String::new()),
        leader: String,
        skip_assignment: bool [in 9..],
        member_id: String,
        members: Vec<JoinGroupResponseMember>,
    }

    struct JoinGroupResponseMember {
        member_id: String,
        group_instance_id: Option<String> [in 5.., null ..],
        metadata: Bytes,
    }
}
