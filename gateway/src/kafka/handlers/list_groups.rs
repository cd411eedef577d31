//! ListGroups (16): the groups that this agent coordinates. Tools ask all agents.
//!
//! - 4: filtered by state. 5: filtered by type; all groups here are classic ones.

use alluvium_wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::ListGroups, 0..=5, |call| answer(call, handle));

const CLASSIC: &str = "classic";

async fn handle(context: Context, request: ListGroupsRequest) -> ListGroupsResponse {
    if !passes(&request.types_filter, CLASSIC) {
        return ListGroupsResponse::default();
    }
    let groups = match context.agent.groups.list().await {
        Ok(groups) => groups,
        Err(error) => {
            tracing::warn!(%error, "groups cannot be listed; the client retries");
            return ListGroupsResponse { error_code: ErrorCode::COORDINATOR_NOT_AVAILABLE, ..Default::default() };
        }
    };
    let wanted = groups.into_iter().filter(|listed| passes(&request.states_filter, listed.state));
    let groups = wanted.map(|listed| ListedGroup {
        group_id: listed.group.to_string(),
        protocol_type: listed.protocol_type,
        group_state: listed.state.to_owned(),
        group_type: CLASSIC.to_owned(),
    });
    ListGroupsResponse { groups: groups.collect(), ..Default::default() }
}

/// Whether `filter` contains `value`, ignoring case; an empty filter contains everything.
fn passes(filter: &[String], value: &str) -> bool {
    filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
}
