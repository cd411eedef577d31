//! AddPartitionsToTxn (24): adds partitions to transactions. Clients send versions up to 3, with one transaction;
//! brokers send versions from 4 on, with several.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request AddPartitionsToTxnRequest of AddPartitionsToTxn {
        transactions: Vec<AddPartitionsToTxnTransaction> [in 4..],
        v3_and_below_transactional_id: String [in ..=3],
        v3_and_below_producer_id: i64 [in ..=3],
        v3_and_below_producer_epoch: i16 [in ..=3],
        v3_and_below_topics: Vec<AddPartitionsToTxnTopic> [in ..=3],
    }

    struct AddPartitionsToTxnTransaction {
        transactional_id: String,
        producer_id: i64,
        producer_epoch: i16,
        /// Only verify that the partitions are in the transaction.
        verify_only: bool,
        topics: Vec<AddPartitionsToTxnTopic>,
    }

    struct AddPartitionsToTxnTopic {
        name: String,
        partitions: Vec<i32>,
    }

    response AddPartitionsToTxnResponse of AddPartitionsToTxn {
        throttle_time_ms: i32,
        error_code: ErrorCode [in 4..],
        results_by_transaction: Vec<AddPartitionsToTxnResult> [in 4..],
        results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult> [in ..=3],
    }

    struct AddPartitionsToTxnResult {
        transactional_id: String,
        topic_results: Vec<AddPartitionsToTxnTopicResult>,
    }

    struct AddPartitionsToTxnTopicResult {
        name: String,
        results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
    }

    struct AddPartitionsToTxnPartitionResult {
        partition_index: i32,
        partition_error_code: ErrorCode,
    }
}
