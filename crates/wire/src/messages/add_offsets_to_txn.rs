//! AddOffsetsToTxn (25): adds a group's offsets to a transaction.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request AddOffsetsToTxnRequest of AddOffsetsToTxn {
        transactional_id: String,
        producer_id: i64,
        producer_epoch: i16,
        group_id: String,
    }

    response AddOffsetsToTxnResponse of AddOffsetsToTxn {
        throttle_time_ms: i32,
        error_code: ErrorCode,
    }
}
