//! JoinGroup (11): joins a group, or its next generation. Answered when all members have joined.
//!
//! - 0: no rebalance timeout; the session timeout is used for it. 0-3: a new member joins at once.
//! - 4: a new member first gets its id, and joins again with it (KIP-394). 5: static members (KIP-345).
//! - 7: the protocol type in the response. 8: a reason, for the log. 9: the leader may skip the assignment (KIP-814).

use std::time::Duration;

use alluvium_wire::messages::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse, JoinGroupResponseMember,
};
use alluvium_wire::{ApiKey, ErrorCode};
use bytes::Bytes;

use crate::groups::{InstanceId, JoinError, Joined, JoinedMember, Joiner, MemberId, Protocol};
use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::JoinGroup, 0..=9, |call| answer(call, handle)).long_poll();

async fn handle(context: Context, request: JoinGroupRequest) -> JoinGroupResponse {
    let group = request.group_id.clone();
    let reason = request.reason.as_deref().unwrap_or_default();
    tracing::debug!(%group, member = %request.member_id, %reason, "member joins");
    // Null in versions that allow it.
    let no_protocol = (context.version < 7).then(String::new);
    match context.agent.groups.join(&group, joiner(&context, request)).await {
        Ok(joined) => success(joined),
        Err(JoinError { member, why }) => JoinGroupResponse {
            error_code: why.code(),
            protocol_name: no_protocol,
            member_id: member.map(|member| member.to_string()).unwrap_or_default(),
            ..Default::default()
        },
    }
}

fn joiner(context: &Context, request: JoinGroupRequest) -> Joiner {
    let rebalance_timeout_ms =
        if context.version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms };
    Joiner {
        member: MemberId::new(&request.member_id),
        instance: request.group_instance_id.as_deref().map(InstanceId::new),
        client_id: context.client_id.clone().unwrap_or_default(),
        // As Java prints an address, which tools expect.
        client_host: format!("/{}", context.peer.ip()),
        session_timeout: milliseconds(request.session_timeout_ms),
        rebalance_timeout: milliseconds(rebalance_timeout_ms),
        protocol_type: request.protocol_type.into(),
        protocols: request.protocols.into_iter().map(protocol).collect(),
        requires_known_member_id: context.version >= 4,
        can_skip_assignment: context.version >= 9,
    }
}

/// Copied: a member is kept for much longer than its request, and would keep the whole frame in memory.
fn protocol(JoinGroupRequestProtocol { name, metadata }: JoinGroupRequestProtocol) -> Protocol {
    Protocol { name: name.into(), metadata: Bytes::copy_from_slice(&metadata) }
}

fn milliseconds(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn success(joined: Joined) -> JoinGroupResponse {
    let member = |JoinedMember { member, instance, metadata }| JoinGroupResponseMember {
        member_id: member.to_string(),
        group_instance_id: instance.map(|instance| instance.to_string()),
        metadata,
    };
    JoinGroupResponse {
        error_code: ErrorCode::NONE,
        generation_id: joined.generation.0,
        protocol_type: Some(joined.protocol_type.to_string()),
        protocol_name: Some(joined.protocol.to_string()),
        leader: joined.leader.to_string(),
        skip_assignment: joined.skip_assignment,
        member_id: joined.member.to_string(),
        members: joined.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_kept_of_a_member_does_not_keep_its_request_in_memory() {
        let frame = Bytes::from(vec![7; 1 << 20]);
        let requested = JoinGroupRequestProtocol { name: "range".to_owned(), metadata: frame.slice(..10) };
        let kept = protocol(requested);
        assert!(frame.is_unique());
        assert_eq!(kept.metadata, frame.slice(..10));
    }
}
