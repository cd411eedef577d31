//! Produce (0): appends record batches to partitions.
//!
//! Version 3 is the first with batches of magic 2, and since then no other magic is sent. Topics are named by id from
//! version 13.

use bytes::Bytes;
use uuid::Uuid;

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ProduceRequest of Produce {
        transactional_id: Option<String> [null ..],
        /// -1: all in-sync replicas, 1: the leader, 0: send no response.
        acks: i16,
        timeout_ms: i32,
        topic_data: Vec<TopicProduceData>,
    }

    struct TopicProduceData {
        name: String [in ..=12],
        topic_id: Uuid [in 13..],
        partition_data: Vec<PartitionProduceData>,
    }

    struct PartitionProduceData {
        index: i32,
        /// Record batches as sent: a slice of the frame.
        records: Option<Bytes> [null ..],
    }

    response ProduceResponse of Produce {
        responses: Vec<TopicProduceResponse>,
        throttle_time_ms: i32,
        node_endpoints: Vec<NodeEndpoint> [in 10.., tag 0],
    }

    struct TopicProduceResponse {
        name: String [in ..=12],
        topic_id: Uuid [in 13..],
        partition_responses: Vec<PartitionProduceResponse>,
    }

    struct PartitionProduceResponse {
        index: i32,
        error_code: ErrorCode,
        base_offset: i64,
        /// Append time of the batch, for topics with log append time; -1 for others.
        log_append_time_ms: i64 = -1,
        log_start_offset: i64 [in 5..] = -1,
        record_errors: Vec<BatchIndexAndErrorMessage> [in 8..],
        error_message: Option<String> [in 8.., null ..],
        current_leader: LeaderIdAndEpoch [in 10.., tag 0],
    }

    struct BatchIndexAndErrorMessage {
        /// Position of the record in its batch, from 0.
        batch_index: i32,
        batch_index_error_message: Option<String> [null ..],
    }

    struct LeaderIdAndEpoch {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }

    struct NodeEndpoint {
        node_id: i32,
        host: String,
        port: i32,
        rack: Option<String> [null ..],
    }
}
