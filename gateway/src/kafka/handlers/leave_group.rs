//! LeaveGroup (13): members go, of themselves or removed by an administrator.
//!
//! - 0-2: one member, whose error is the answer's. 3: many, each with its own error; static ones by their instance id
//!   alone. 5: reasons, for the log.

use alluvium_wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::groups::{GroupError, InstanceId, Leaver, MemberId};
use crate::kafka::dispatch::{Context, Handler, answer};
use crate::kafka::errors::Coded;

pub const HANDLER: Handler = Handler::new(ApiKey::LeaveGroup, 0..=5, |call| answer(call, handle));

async fn handle(context: Context, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let LeaveGroupRequest { group_id, member_id, members } = request;
    let is_single = context.version < 3;
    let members = if is_single { vec![MemberIdentity { member_id, ..Default::default() }] } else { members };
    let leavers = members.iter().map(leaver).collect();
    match context.agent.groups.leave(&group_id, leavers).await {
        Err(why) => LeaveGroupResponse { error_code: why.code(), ..Default::default() },
        Ok(verdicts) if is_single => {
            let error_code = verdicts.first().map_or(ErrorCode::NONE, code);
            LeaveGroupResponse { error_code, ..Default::default() }
        }
        Ok(verdicts) => {
            let members = members.into_iter().zip(&verdicts).map(|(member, verdict)| MemberResponse {
                member_id: member.member_id,
                group_instance_id: member.group_instance_id,
                error_code: code(verdict),
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

fn code(verdict: &Result<(), GroupError>) -> ErrorCode {
    verdict.as_ref().map_or_else(Coded::code, |()| ErrorCode::NONE)
}
