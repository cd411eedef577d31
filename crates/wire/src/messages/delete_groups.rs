//! DeleteGroups (42): deletes empty groups and their offsets.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DeleteGroupsRequest of DeleteGroups {
        groups_names: Vec<String>,
    }

    response DeleteGroupsResponse of DeleteGroups {
        throttle_time_ms: i32,
        results: Vec<DeletableGroupResult>,
    }

    struct DeletableGroupResult {
        group_id: String,
        error_code: ErrorCode,
    }
}
