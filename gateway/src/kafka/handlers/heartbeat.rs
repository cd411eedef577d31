//! Heartbeat (12): a member is alive; the response says whether it must rejoin.
//!
//! - 3: static members.

use alluvium_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::groups::{Generation, GroupError, InstanceId, MemberId};
use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::Heartbeat, 0..=4, |call| answer(call, handle));

async fn handle(context: Context, request: HeartbeatRequest) -> HeartbeatResponse {
    let instance = request.group_instance_id.as_deref().map(InstanceId::new);
    let result = match MemberId::new(&request.member_id) {
        Some(member) => {
            let generation = Generation(request.generation_id);
            context.agent.groups.heartbeat(&request.group_id, member, instance, generation).await
        }
        None => Err(GroupError::UnknownMember),
    };
    let error_code = result.map_or_else(|why| why.code(), |()| ErrorCode::NONE);
    HeartbeatResponse { error_code, ..Default::default() }
}
