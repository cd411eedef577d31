//! The messages, one module per API: a request, its response, and the structs inside them.
//!
//! Names, field order, versions and defaults are those of Kafka's own schemas, with names in snake case. A field has a
//! comment if its name does not explain it. `codec/declare.rs` explains the declarations.
//!
//! Timeouts and throttle times are in milliseconds. `*_authorized_operations` are bit fields of Kafka's AclOperation
//! codes, and [`OPERATIONS_OMITTED`] if the client did not request them.

pub mod add_offsets_to_txn;
pub mod add_partitions_to_txn;
pub mod alter_configs;
pub mod alter_partition_reassignments;
pub mod api_versions;
pub mod consumer_group_describe;
pub mod consumer_group_heartbeat;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_log_dirs;
pub mod describe_producers;
pub mod describe_topic_partitions;
pub mod describe_transactions;
pub mod elect_leaders;
pub mod end_txn;
pub mod fetch;
pub mod find_coordinator;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_config_resources;
pub mod list_groups;
pub mod list_offsets;
pub mod list_partition_reassignments;
pub mod list_transactions;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub mod sync_group;
pub mod txn_offset_commit;
pub mod write_txn_markers;

#[cfg(test)]
mod tests;

/// Value of authorized operations that the client did not request.
pub const OPERATIONS_OMITTED: i32 = i32::MIN;

/// Calls `$callback!` with every module, its request and its response.
macro_rules! for_each_api {
    ($callback:ident) => {
        $callback! {
            add_offsets_to_txn: AddOffsetsToTxnRequest, AddOffsetsToTxnResponse;
            add_partitions_to_txn: AddPartitionsToTxnRequest, AddPartitionsToTxnResponse;
            alter_configs: AlterConfigsRequest, AlterConfigsResponse;
            alter_partition_reassignments: AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse;
            api_versions: ApiVersionsRequest, ApiVersionsResponse;
            consumer_group_describe: ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse;
            consumer_group_heartbeat: ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse;
            create_partitions: CreatePartitionsRequest, CreatePartitionsResponse;
            create_topics: CreateTopicsRequest, CreateTopicsResponse;
            delete_groups: DeleteGroupsRequest, DeleteGroupsResponse;
            delete_records: DeleteRecordsRequest, DeleteRecordsResponse;
            delete_topics: DeleteTopicsRequest, DeleteTopicsResponse;
            describe_acls: DescribeAclsRequest, DescribeAclsResponse;
            describe_cluster: DescribeClusterRequest, DescribeClusterResponse;
            describe_configs: DescribeConfigsRequest, DescribeConfigsResponse;
            describe_groups: DescribeGroupsRequest, DescribeGroupsResponse;
            describe_log_dirs: DescribeLogDirsRequest, DescribeLogDirsResponse;
            describe_producers: DescribeProducersRequest, DescribeProducersResponse;
            describe_topic_partitions: DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse;
            describe_transactions: DescribeTransactionsRequest, DescribeTransactionsResponse;
            elect_leaders: ElectLeadersRequest, ElectLeadersResponse;
            end_txn: EndTxnRequest, EndTxnResponse;
            fetch: FetchRequest, FetchResponse;
            find_coordinator: FindCoordinatorRequest, FindCoordinatorResponse;
            heartbeat: HeartbeatRequest, HeartbeatResponse;
            incremental_alter_configs: IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
            init_producer_id: InitProducerIdRequest, InitProducerIdResponse;
            join_group: JoinGroupRequest, JoinGroupResponse;
            leave_group: LeaveGroupRequest, LeaveGroupResponse;
            list_config_resources: ListConfigResourcesRequest, ListConfigResourcesResponse;
            list_groups: ListGroupsRequest, ListGroupsResponse;
            list_offsets: ListOffsetsRequest, ListOffsetsResponse;
            list_partition_reassignments: ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse;
            list_transactions: ListTransactionsRequest, ListTransactionsResponse;
            metadata: MetadataRequest, MetadataResponse;
            offset_commit: OffsetCommitRequest, OffsetCommitResponse;
            offset_delete: OffsetDeleteRequest, OffsetDeleteResponse;
            offset_fetch: OffsetFetchRequest, OffsetFetchResponse;
            offset_for_leader_epoch: OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
            produce: ProduceRequest, ProduceResponse;
            sasl_authenticate: SaslAuthenticateRequest, SaslAuthenticateResponse;
            sasl_handshake: SaslHandshakeRequest, SaslHandshakeResponse;
            sync_group: SyncGroupRequest, SyncGroupResponse;
            txn_offset_commit: TxnOffsetCommitRequest, TxnOffsetCommitResponse;
            write_txn_markers: WriteTxnMarkersRequest, WriteTxnMarkersResponse;
        }
    };
}

macro_rules! pair {
    ($($api:ident: $request:ident, $response:ident;)*) => {
        $(impl crate::Request for $api::$request {
            type Response = $api::$response;
        })*
    };
}
for_each_api!(pair);

#[cfg(test)]
use for_each_api;
