//! DeleteGroups (42): deletes groups without members, with their offsets.

use std::collections::HashSet;

use alluvium_wire::messages::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DeleteGroups, 0..=2, |call| answer(call, handle));

async fn handle(context: Context, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(request.groups_names.len());
    let mut seen = HashSet::with_capacity(request.groups_names.len());
    for group_id in request.groups_names {
        if !seen.insert(group_id.clone()) {
            continue;
        }
        let deleted = context.agent.groups.delete(&group_id).await;
        let error_code = deleted.map_or_else(|why| why.code(), |()| ErrorCode::NONE);
        results.push(DeletableGroupResult { group_id, error_code });
    }
    DeleteGroupsResponse { results, ..Default::default() }
}
