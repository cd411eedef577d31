//! InitProducerId (22): gets a producer id and epoch for idempotent or transactional producing.
//!
//! From version 3 a producer that already has an id sends it, to keep it and get a new epoch (KIP-360).

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request InitProducerIdRequest of InitProducerId {
        transactional_id: Option<String> [null ..] = Some(String::new()),
        transaction_timeout_ms: i32,
        producer_id: i64 [in 3..] = -1,
        producer_epoch: i16 [in 3..] = -1,
    }

    response InitProducerIdResponse of InitProducerId {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        producer_id: i64 = -1,
        producer_epoch: i16,
    }
}
