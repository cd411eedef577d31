//! The messages, one module per API: a request, its response, and the structs inside them.
//!
//! Names, field order, versions and defaults are those of Kafka's own schemas, names in snake case. What a field
//! means is said where the name does not. How to read a declaration is told in `codec/declare.rs`.
//!
//! Timeouts and throttle times are in milliseconds. `*_authorized_operations` are bit fields of Kafka's AclOperation
//! codes, and [`OPERATIONS_OMITTED`] where they were not asked for.

pub mod api_versions;
pub mod create_topics;
pub mod delete_topics;
pub mod fetch;
pub mod find_coordinator;
pub mod heartbeat;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_offsets;
pub mod metadata;
pub mod offset_commit;
pub mod offset_fetch;
pub mod produce;
pub mod sync_group;

/// Says that authorized operations were not asked for.
pub const OPERATIONS_OMITTED: i32 = i32::MIN;

/// Calls `$callback!` with every module and the request and response in it.
macro_rules! for_each_api {
    ($callback:ident) => {
        $callback! {
            api_versions: ApiVersionsRequest, ApiVersionsResponse;
            create_topics: CreateTopicsRequest, CreateTopicsResponse;
            delete_topics: DeleteTopicsRequest, DeleteTopicsResponse;
            fetch: FetchRequest, FetchResponse;
            find_coordinator: FindCoordinatorRequest, FindCoordinatorResponse;
            heartbeat: HeartbeatRequest, HeartbeatResponse;
            init_producer_id: InitProducerIdRequest, InitProducerIdResponse;
            join_group: JoinGroupRequest, JoinGroupResponse;
            leave_group: LeaveGroupRequest, LeaveGroupResponse;
            list_offsets: ListOffsetsRequest, ListOffsetsResponse;
            metadata: MetadataRequest, MetadataResponse;
            offset_commit: OffsetCommitRequest, OffsetCommitResponse;
            offset_fetch: OffsetFetchRequest, OffsetFetchResponse;
            produce: ProduceRequest, ProduceResponse;
            sync_group: SyncGroupRequest, SyncGroupResponse;
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
