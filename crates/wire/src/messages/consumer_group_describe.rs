//! ConsumerGroupDescribe (69): state and members of consumer groups, whose assignments the broker computes
//! (KIP-848).

use uuid::Uuid;

use super::OPERATIONS_OMITTED;
use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ConsumerGroupDescribeRequest of ConsumerGroupDescribe {
        group_ids: Vec<String>,
        include_authorized_operations: bool,
    }

    response ConsumerGroupDescribeResponse of ConsumerGroupDescribe {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }

    struct DescribedGroup {
        error_code: ErrorCode,
        error_message: Option<String> [null ..],
        group_id: String,
        group_state: String,
        group_epoch: i32,
        assignment_epoch: i32,
        assignor_name: String,
        members: Vec<Member>,
        authorized_operations: i32 = OPERATIONS_OMITTED,
    }

    struct Member {
        member_id: String,
        instance_id: Option<String> [null ..],
        rack_id: Option<String> [null ..],
        member_epoch: i32,
        client_id: String,
        client_host: String,
        subscribed_topic_names: Vec<String>,
        subscribed_topic_regex: Option<String> [null ..],
        assignment: Assignment,
        target_assignment: Assignment,
        /// -1: unknown, 0: classic, 1: consumer.
        member_type: i8 [in 1..] = -1,
    }

    struct Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }

    struct TopicPartitions {
        topic_id: Uuid,
        topic_name: String,
        partitions: Vec<i32>,
    }
}
