//! Every API that is served, sorted by key. `ApiVersions` lists exactly these.

use alluvium_wire::ApiKey;

use super::*;
use crate::kafka::handler::Handler;

/// All handlers, sorted by API key.
pub static HANDLERS: &[&Handler] = &[
    &produce::HANDLER,
    &fetch::HANDLER,
    &list_offsets::HANDLER,
    &metadata::HANDLER,
    &offset_commit::HANDLER,
    &offset_fetch::HANDLER,
    &find_coordinator::HANDLER,
    &join_group::HANDLER,
    &heartbeat::HANDLER,
    &leave_group::HANDLER,
    &sync_group::HANDLER,
    &describe_groups::HANDLER,
    &list_groups::HANDLER,
    &api_versions::HANDLER,
    &create_topics::HANDLER,
    &delete_topics::HANDLER,
    &delete_records::HANDLER,
    &init_producer_id::HANDLER,
    &offset_for_leader_epoch::HANDLER,
    &describe_configs::HANDLER,
    &alter_configs::HANDLER,
    &describe_log_dirs::HANDLER,
    &create_partitions::HANDLER,
    &delete_groups::HANDLER,
    &elect_leaders::HANDLER,
    &incremental_alter_configs::HANDLER,
    &alter_partition_reassignments::HANDLER,
    &list_partition_reassignments::HANDLER,
    &offset_delete::HANDLER,
    &describe_cluster::HANDLER,
    &describe_topic_partitions::HANDLER,
];

/// The handler of `api`, if it is served.
pub fn find(api: ApiKey) -> Option<&'static Handler> {
    HANDLERS.binary_search_by_key(&api, |handler| handler.api).ok().map(|at| HANDLERS[at])
}
