//! ElectLeaders (43): starts leader elections.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ElectLeadersRequest of ElectLeaders {
        /// 0: preferred, 1: unclean.
        election_type: i8 [in 1..],
        /// Null: all.
        topic_partitions: Option<Vec<TopicPartitions>> [null ..] = Some(Vec::new()),
        timeout_ms: i32 = 60_000,
    }

    struct TopicPartitions {
        topic: String,
        partitions: Vec<i32>,
    }

    response ElectLeadersResponse of ElectLeaders {
        throttle_time_ms: i32,
        error_code: ErrorCode [in 1..],
        replica_election_results: Vec<ReplicaElectionResult>,
    }

    struct ReplicaElectionResult {
        topic: String,
        partition_result: Vec<PartitionResult>,
    }

    struct PartitionResult {
        partition_id: i32,
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
    }
}
