//! LeaveGroup (13): removes members, at their own request or by an administrator.
//!
//! - 0-2: one member, whose error is the response's. 3: many, each with its own error; static ones by their instance id
//!   alone. 5: reasons, which are ignored.

use alluvium_wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::groups::{GroupError, InstanceId, Leaver, MemberId};
use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::LeaveGroup, 0..=5, |call| answer(call, handle));

async fn handle(context: Context, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let LeaveGroupRequest { group_id, member_id, members } = request;
    let is_single = context.version < 3;
    let members = if is_single { vec![MemberIdentity { member_id, ..Default::default() }] } else { members };
    let leavers = members.iter().map(leaver).collect();
    match context.agent.groups.leave(&group_id, leavers).await {
        Err(why) => LeaveGroupResponse { error_code: why.code(), ..Default::default() },
        Ok(results) if is_single => {
            let error_code = results.first().map_or(ErrorCode::NONE, code);
            LeaveGroupResponse { error_code, ..Default::default() }
        }
        Ok(results) => {
            let members = members.into_iter().zip(&results).map(|(member, result)| MemberResponse {
                member_id: member.member_id,
                group_instance_id: member.group_instance_id,
                error_code: code(result),
            });
            LeaveGroupResponse { members: members.collect(), ..Default::default() }
        }
    }
}

fn leaver(member: &MemberIdentity) -> Leaver {
    Leaver {
        member: MemberId::new(&member.member_id),
        instance: member.group_instance_id.as_deref().map(InstanceId::new),
    }
}

fn code(result: &Result<(), GroupError>) -> ErrorCode {
    result.as_ref().map_or_else(HasErrorCode::code, |()| ErrorCode::NONE)
}
