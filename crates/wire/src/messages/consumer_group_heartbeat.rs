//! ConsumerGroupHeartbeat (68): joins, stays in or leaves a consumer group, whose assignments the broker computes
//! (KIP-848).
//!
//! In a request, null and -1 mean unchanged since the last request. Version 1 adds regular expressions.

use uuid::Uuid;

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ConsumerGroupHeartbeatRequest of ConsumerGroupHeartbeat {
        group_id: String,
        member_id: String,
        /// 0: join, -1: leave, -2: leave temporarily (static members).
        member_epoch: i32,
        instance_id: Option<String> [null ..],
        rack_id: Option<String> [null ..],
        rebalance_timeout_ms: i32 = -1,
        subscribed_topic_names: Option<Vec<String>> [null ..],
        subscribed_topic_regex: Option<String> [in 1.., null ..],
        server_assignor: Option<String> [null ..],
        /// Partitions that the member owns.
        topic_partitions: Option<Vec<TopicPartitions>> [null ..],
    }

    struct TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    response ConsumerGroupHeartbeatResponse of ConsumerGroupHeartbeat {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String> [null ..],
        member_id: Option<String> [null ..],
        member_epoch: i32,
        heartbeat_interval_ms: i32,
        /// Null if the assignment has not changed.
        assignment: Option<Assignment> [null ..],
    }

    struct Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }
}
