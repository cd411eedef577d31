//! DescribeGroups (15): the state and the members of groups.
//!
//! - 3: authorized operations. 4: instance ids.
//! - 6: a group that does not exist is an error; before, it is a group in state Dead.

use std::collections::HashSet;

use alluvium_wire::messages::OPERATIONS_OMITTED;
use alluvium_wire::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::groups::{DescribedMember, Description};
use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DescribeGroups, 0..=6, |call| answer(call, handle));

/// The operations that every client may do with a group: read, delete, describe, describe configs, alter configs (bits
/// numbered by Kafka's `AclOperation`).
const GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;
const DEAD: &str = "Dead";

async fn handle(context: Context, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let operations = if request.include_authorized_operations { GROUP_OPERATIONS } else { OPERATIONS_OMITTED };
    let mut groups = Vec::with_capacity(request.groups.len());
    let mut seen = HashSet::with_capacity(request.groups.len());
    for group in request.groups {
        // Each only once: a response can be a million times as long as the name in the request.
        if !seen.insert(group.clone()) {
            continue;
        }
        let described = match context.agent.groups.describe(&group).await {
            Ok(Some(description)) => found(description),
            Ok(None) => missing(&group, context.version),
            Err(why) => DescribedGroup { error_code: why.code(), ..Default::default() },
        };
        let authorized_operations = if described.error_code.is_none() { operations } else { OPERATIONS_OMITTED };
        groups.push(DescribedGroup { group_id: group, authorized_operations, ..described });
    }
    DescribeGroupsResponse { groups, ..Default::default() }
}

fn missing(group: &str, version: i16) -> DescribedGroup {
    let dead = DescribedGroup { group_state: DEAD.to_owned(), ..Default::default() };
    if version < 6 {
        return dead;
    }
    let error_message = Some(format!("Group {group} not found."));
    DescribedGroup { error_code: ErrorCode::GROUP_ID_NOT_FOUND, error_message, ..dead }
}

fn found(description: Description) -> DescribedGroup {
    let Description { state, protocol_type, protocol, members } = description;
    DescribedGroup {
        group_state: state.to_owned(),
        protocol_type,
        protocol_data: protocol,
        members: members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

fn member(member: DescribedMember) -> DescribedGroupMember {
    DescribedGroupMember {
        member_id: member.member.to_string(),
        group_instance_id: member.instance.map(|instance| instance.to_string()),
        client_id: member.client_id,
        client_host: member.client_host,
        member_metadata: member.metadata,
        member_assignment: member.assignment,
    }
}
