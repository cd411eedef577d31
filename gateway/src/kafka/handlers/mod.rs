//! One file per Kafka API: what it does, its versions, and how its request becomes its response.
//!
//! Owns: the table of the APIs served. Does not own: what requests do. A new API is a file, a declaration and a line of
//! the table here; [`handler`](super::handler) says how to write it.

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod alter_configs;
mod alter_partition_reassignments;
mod api_versions;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_topic_partitions;
mod describe_transactions;
mod elect_leaders;
mod end_txn;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod sync_group;
mod txn_offset_commit;
mod write_txn_markers;

use super::handler::Handler;

pub use api_versions::answer_future as answer_future_api_versions;

/// Every API that is served, sorted by key. `ApiVersions` lists exactly these.
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
    &add_partitions_to_txn::HANDLER,
    &add_offsets_to_txn::HANDLER,
    &end_txn::HANDLER,
    &write_txn_markers::HANDLER,
    &txn_offset_commit::HANDLER,
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
    &describe_producers::HANDLER,
    &describe_transactions::HANDLER,
    &list_transactions::HANDLER,
    &describe_topic_partitions::HANDLER,
];
