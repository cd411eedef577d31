//! ListGroups (16): lists the groups that this broker coordinates. Filters by state from version 4, by type from
//! version 5.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ListGroupsRequest of ListGroups {
        states_filter: Vec<String> [in 4..],
        types_filter: Vec<String> [in 5..],
    }

    response ListGroupsResponse of ListGroups {
        throttle_time_ms: i32 [in 1..],
        error_code: ErrorCode,
        groups: Vec<ListedGroup>,
    }

    struct ListedGroup {
        group_id: String,
        protocol_type: String,
        group_state: String [in 4..],
        group_type: String [in 5..],
    }
}
