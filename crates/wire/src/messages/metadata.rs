//! Metadata (3): brokers, topics, partitions and their leaders.
//!
//! From version 1, null topics mean all and an empty list means none; in version 0 an empty list means all. Topics can
//! be named by id from version 12 (the field exists from 10). Version 13 adds an error for the whole response.

use uuid::Uuid;

use super::OPERATIONS_OMITTED;
use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request MetadataRequest of Metadata {
        topics: Option<Vec<MetadataRequestTopic>> [null 1..] = Some(Vec::new()),
        allow_auto_topic_creation: bool [in 4..] = true,
        include_cluster_authorized_operations: bool [in 8..=10],
        include_topic_authorized_operations: bool [in 8..],
    }

    struct MetadataRequestTopic {
        topic_id: Uuid [in 10..],
        name: Option<String> [null 10..] = Some(String::new()),
    }

    response MetadataResponse of Metadata {
        throttle_time_ms: i32 [in 3..],
        brokers: Vec<MetadataResponseBroker>,
        cluster_id: Option<String> [in 2.., null ..],
        controller_id: i32 [in 1..] = -1,
        topics: Vec<MetadataResponseTopic>,
        cluster_authorized_operations: i32 [in 8..=10] = OPERATIONS_OMITTED,
        error_code: ErrorCode [in 13..],
    }

    struct MetadataResponseBroker {
        node_id: i32,
        host: String,
        port: i32,
        rack: Option<String> [in 1.., null ..],
    }

    struct MetadataResponseTopic {
        error_code: ErrorCode,
        /// Null if the request named an unknown topic id.
        name: Option<String> [null 12..] = Some(String::new()),
        topic_id: Uuid [in 10..],
        is_internal: bool [in 1..],
        partitions: Vec<MetadataResponsePartition>,
        topic_authorized_operations: i32 [in 8..] = OPERATIONS_OMITTED,
    }

    struct MetadataResponsePartition {
        error_code: ErrorCode,
        partition_index: i32,
        leader_id: i32,
        leader_epoch: i32 [in 7..] = -1,
        replica_nodes: Vec<i32>,
        isr_nodes: Vec<i32>,
        offline_replicas: Vec<i32> [in 5..],
    }
}
