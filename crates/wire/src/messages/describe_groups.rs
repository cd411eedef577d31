//! DescribeGroups (15): state and members of classic groups.
//!
//! An unknown group has the state "Dead" and no error up to version 5, and an error from version 6 on.

use bytes::Bytes;

use super::OPERATIONS_OMITTED;
use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DescribeGroupsRequest of DescribeGroups {
        groups: Vec<String>,
        include_authorized_operations: bool [in 3..],
    }

    response DescribeGroupsResponse of DescribeGroups {
        throttle_time_ms: i32 [in 1..],
        groups: Vec<DescribedGroup>,
    }

    struct DescribedGroup {
        error_code: ErrorCode,
        error_message: Option<String> [in 6.., null ..],
        group_id: String,
        group_state: String,
        protocol_type: String,
        /// The assignment protocol that the group chose.
        protocol_data: String,
        members: Vec<DescribedGroupMember>,
        authorized_operations: i32 [in 3..] = OPERATIONS_OMITTED,
    }

    struct DescribedGroupMember {
        member_id: String,
        group_instance_id: Option<String> [in 4.., null ..],
        client_id: String,
        client_host: String,
        member_metadata: Bytes,
        member_assignment: Bytes,
    }
}
