//! WriteTxnMarkers (27): ends transactions in partitions. Clients send it for an administrator who aborts one.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request WriteTxnMarkersRequest of WriteTxnMarkers {
        markers: Vec<WritableTxnMarker>,
    }

    struct WritableTxnMarker {
        producer_id: i64,
        producer_epoch: i16,
        /// Whether it is committed.
        transaction_result: bool,
        topics: Vec<WritableTxnMarkerTopic>,
        coordinator_epoch: i32,
        transaction_version: i8 [in 2..],
    }

    struct WritableTxnMarkerTopic {
        name: String,
        partition_indexes: Vec<i32>,
    }

    response WriteTxnMarkersResponse of WriteTxnMarkers {
        markers: Vec<WritableTxnMarkerResult>,
    }

    struct WritableTxnMarkerResult {
        producer_id: i64,
        topics: Vec<WritableTxnMarkerTopicResult>,
    }

    struct WritableTxnMarkerTopicResult {
        name: String,
        partitions: Vec<WritableTxnMarkerPartitionResult>,
    }

    struct WritableTxnMarkerPartitionResult {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
