//! Fetch (1): reads record batches from partitions, and waits if there are none yet.
//!
//! Version 7 adds fetch sessions (KIP-227), 12 tagged fields, 13 topic ids. The fields that only replicas use are
//! declared too, since any peer may send them.

use uuid::Uuid;

use crate::codec::{RecordsField, messages};
use crate::error_code::ErrorCode;

messages! {
    request FetchRequest of Fetch {
        cluster_id: Option<String> [in 12.., null .., tag 0],
        /// -1 for consumers.
        replica_id: i32 [in ..=14] = -1,
        replica_state: ReplicaState [in 15.., tag 1],
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
        /// 0: read uncommitted, 1: read committed.
        isolation_level: i8,
        session_id: i32 [in 7..],
        session_epoch: i32 [in 7..] = -1,
        topics: Vec<FetchTopic>,
        forgotten_topics_data: Vec<ForgottenTopic> [in 7..],
        rack_id: String [in 11..],
    }

    struct ReplicaState {
        replica_id: i32 = -1,
        replica_epoch: i64 = -1,
    }

    struct FetchTopic {
        topic: String [in ..=12],
        topic_id: Uuid [in 13..],
        partitions: Vec<FetchPartition>,
    }

    struct FetchPartition {
        partition: i32,
        current_leader_epoch: i32 [in 9..] = -1,
        fetch_offset: i64,
        last_fetched_epoch: i32 [in 12..] = -1,
        /// Log start of a replica; -1 from consumers.
        log_start_offset: i64 [in 5..] = -1,
        partition_max_bytes: i32,
        replica_directory_id: Uuid [in 17.., tag 0],
        high_watermark: i64 [in 18.., tag 1] = i64::MAX,
    }

    struct ForgottenTopic {
        topic: String [in ..=12],
        topic_id: Uuid [in 13..],
        partitions: Vec<i32>,
    }

    response FetchResponse of Fetch {
        throttle_time_ms: i32,
        error_code: ErrorCode [in 7..],
        session_id: i32 [in 7..],
        responses: Vec<FetchableTopicResponse>,
        node_endpoints: Vec<NodeEndpoint> [in 16.., tag 0],
    }

    struct FetchableTopicResponse {
        topic: String [in ..=12],
        topic_id: Uuid [in 13..],
        partitions: Vec<PartitionData>,
    }

    struct PartitionData {
        partition_index: i32,
        error_code: ErrorCode,
        high_watermark: i64,
        last_stable_offset: i64 = -1,
        log_start_offset: i64 [in 5..] = -1,
        diverging_epoch: EpochEndOffset [in 12.., tag 0],
        current_leader: LeaderIdAndEpoch [in 12.., tag 1],
        snapshot_id: SnapshotId [in 12.., tag 2],
        /// Null if the isolation level is read uncommitted.
        aborted_transactions: Option<Vec<AbortedTransaction>> [null ..] = Some(Vec::new()),
        preferred_read_replica: i32 [in 11..] = -1,
        /// Null is allowed, but some clients accept only an empty field: send that instead, also with an error.
        records: Option<RecordsField> [null ..],
    }

    struct EpochEndOffset {
        epoch: i32 = -1,
        end_offset: i64 = -1,
    }

    struct LeaderIdAndEpoch {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }

    struct SnapshotId {
        end_offset: i64 = -1,
        epoch: i32 = -1,
    }

    struct AbortedTransaction {
        producer_id: i64,
        first_offset: i64,
    }

    struct NodeEndpoint {
        node_id: i32,
        host: String,
        port: i32,
        rack: Option<String> [null ..],
    }
}
