//! FindCoordinator (10): the agent that coordinates a group or a transactional id.
//!
//! All agents answer the same while they know the same live agents. While they do not, the lease of the group decides.
//!
//! - 0: groups. 1: transactional ids. 4: many keys, in another layout. 6: share groups, which do not exist here.

use alluvium_wire::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topology::{Broker, Topology};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::FindCoordinator, 0..=6, |call| answer(call, handle));

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

async fn handle(context: Context, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let topology = Topology::of(&context);
    if context.version >= 4 {
        let keys = request.coordinator_keys.into_iter();
        let found = keys.map(|key| {
            let found = find(&topology, request.key_type, key);
            // Kafka sends an empty string rather than null.
            Coordinator { error_message: Some(found.error_message.unwrap_or_default()), ..found }
        });
        let coordinators = found.collect();
        return FindCoordinatorResponse { coordinators, ..Default::default() };
    }
    let found = find(&topology, request.key_type, request.key);
    FindCoordinatorResponse {
        error_code: found.error_code,
        // Kafka sends the name of the error here even if there is none.
        error_message: found.error_message.or_else(|| Some("NONE".to_owned())),
        node_id: found.node_id,
        host: found.host,
        port: found.port,
        ..Default::default()
    }
}

fn find(topology: &Topology<'_>, key_type: i8, key: String) -> Coordinator {
    let nowhere = |error_code, message: String, key| Coordinator {
        key,
        node_id: -1,
        host: String::new(),
        port: -1,
        error_code,
        error_message: Some(message),
    };
    match key_type {
        GROUP | TRANSACTION => match topology.coordinator(&key) {
            Some(Broker { id, host, port, rack: _ }) => {
                Coordinator { key, node_id: id, host, port, error_code: ErrorCode::NONE, error_message: None }
            }
            None => nowhere(ErrorCode::COORDINATOR_NOT_AVAILABLE, "No agent is there.".to_owned(), key),
        },
        unknown => nowhere(ErrorCode::INVALID_REQUEST, format!("There is no coordinator of kind {unknown}."), key),
    }
}
