//! SyncGroup (14): fetches a member's assignment; the leader brings those of all members. Answered once the leader has.
//!
//! - 3: static members. 5: the protocol type and the protocol, both required.

use alluvium_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};
use alluvium_wire::{ApiKey, ErrorCode};
use bytes::Bytes;

use crate::groups::{Generation, GroupError, InstanceId, MemberId, Sync};
use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::SyncGroup, 0..=5, |call| answer(call, handle)).long_poll();

async fn handle(context: Context, request: SyncGroupRequest) -> SyncGroupResponse {
    let group = request.group_id.clone();
    let synced = match sync(request, context.version) {
        Ok(sync) => context.agent.groups.sync(&group, sync).await,
        Err(why) => Err(why),
    };
    match synced {
        Ok(synced) => SyncGroupResponse {
            error_code: ErrorCode::NONE,
            protocol_type: Some(synced.protocol_type.to_string()),
            protocol_name: Some(synced.protocol.to_string()),
            assignment: synced.assignment,
            ..Default::default()
        },
        Err(why) => SyncGroupResponse { error_code: why.code(), ..Default::default() },
    }
}

/// Copied: assignments are kept for much longer than the request, and would keep the whole frame in memory.
fn assigned(
    SyncGroupRequestAssignment { member_id, assignment }: SyncGroupRequestAssignment,
) -> Option<(MemberId, Bytes)> {
    Some((MemberId::new(&member_id)?, Bytes::copy_from_slice(&assignment)))
}

fn sync(request: SyncGroupRequest, version: i16) -> Result<Sync, GroupError> {
    if version >= 5 && (request.protocol_type.is_none() || request.protocol_name.is_none()) {
        return Err(GroupError::InconsistentProtocol);
    }
    Ok(Sync {
        member: MemberId::new(&request.member_id).ok_or(GroupError::UnknownMember)?,
        instance: request.group_instance_id.as_deref().map(InstanceId::new),
        generation: Generation(request.generation_id),
        protocol_type: request.protocol_type.map(Into::into),
        protocol: request.protocol_name.map(Into::into),
        assignments: request.assignments.into_iter().filter_map(assigned).collect(),
    })
}
