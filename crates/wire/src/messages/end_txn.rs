//! EndTxn (26): commits or aborts a transaction. From version 5 the response has the producer's next epoch (KIP-890).

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request EndTxnRequest of EndTxn {
        transactional_id: String,
        producer_id: i64,
        producer_epoch: i16,
        committed: bool,
    }

    response EndTxnResponse of EndTxn {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        producer_id: i64 [in 5..] = -1,
        producer_epoch: i16 [in 5..] = -1,
    }
}
