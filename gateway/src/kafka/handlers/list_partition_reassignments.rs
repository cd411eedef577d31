//! ListPartitionReassignments (46): always empty, because there are no replicas to move.

use alluvium_wire::ApiKey;
use alluvium_wire::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::ListPartitionReassignments, 0..=0, |call| answer(call, handle));

async fn handle(_: Context, _: ListPartitionReassignmentsRequest) -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse { error_message: None, ..Default::default() }
}
