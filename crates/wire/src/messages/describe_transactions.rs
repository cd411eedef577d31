//! DescribeTransactions (65): the states of transactional ids, and the partitions of their open transactions.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DescribeTransactionsRequest of DescribeTransactions {
        transactional_ids: Vec<String>,
    }

    response DescribeTransactionsResponse of DescribeTransactions {
        throttle_time_ms: i32,
        transaction_states: Vec<TransactionState>,
    }

    struct TransactionState {
        error_code: ErrorCode,
        transactional_id: String,
        transaction_state: String,
        transaction_timeout_ms: i32,
        transaction_start_time_ms: i64,
        producer_id: i64,
        producer_epoch: i16,
        topics: Vec<TopicData>,
    }

    struct TopicData {
        topic: String,
        partitions: Vec<i32>,
    }
}
