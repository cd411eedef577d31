//! ListTransactions (66): the transactional ids and their states. From version 1 those whose transaction has been open
//! for long, from version 2 those that match a pattern.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request ListTransactionsRequest of ListTransactions {
        state_filters: Vec<String>,
        producer_id_filters: Vec<i64>,
        duration_filter: i64 [in 1..] = -1,
        transactional_id_pattern: Option<String> [in 2.., null ..],
    }

    response ListTransactionsResponse of ListTransactions {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        unknown_state_filters: Vec<String>,
        transaction_states: Vec<ListedTransactionState>,
    }

    struct ListedTransactionState {
        transactional_id: String,
        producer_id: i64,
        transaction_state: String,
    }
}
