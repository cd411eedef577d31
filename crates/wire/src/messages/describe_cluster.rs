//! DescribeCluster (60): cluster id, controller and brokers.
//!
//! Version 1 adds the choice of brokers or controllers, version 2 fenced brokers.

use super::OPERATIONS_OMITTED;
use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DescribeClusterRequest of DescribeCluster {
        include_cluster_authorized_operations: bool,
        /// 1: brokers, 2: controllers.
        endpoint_type: i8 [in 1..] = 1,
        include_fenced_brokers: bool [in 2..],
    }

    response DescribeClusterResponse of DescribeCluster {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<String> [null ..],
        endpoint_type: i8 [in 1..] = 1,
        cluster_id: String,
        controller_id: i32 = -1,
        brokers: Vec<DescribeClusterBroker>,
        cluster_authorized_operations: i32 = OPERATIONS_OMITTED,
    }

    struct DescribeClusterBroker {
        broker_id: i32,
        host: String,
        port: i32,
        rack: Option<String> [null ..],
        is_fenced: bool [in 2..],
    }
}
