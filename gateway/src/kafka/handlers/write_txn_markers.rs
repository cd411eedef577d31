//! WriteTxnMarkers (27): an administrator aborts a transaction (`kafka-transactions.sh abort`).
//!
//! In Kafka it ends the transaction in the named partitions only, whatever its coordinator says, because transactions
//! can be left hanging there. Here none can, and a transaction never ends in parts: the whole of it is aborted. Commits
//! are refused.

use alluvium_model::transaction::TransactionalProducer;
use alluvium_wire::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopic,
    WritableTxnMarkerTopicResult, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::WriteTxnMarkers, 1..=2, |call| answer(call, handle));

/// Transactions that one request may end: an administrator ends one.
const MARKERS_MAX: usize = 100;

async fn handle(context: Context, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse {
    let mut markers = Vec::new();
    for (number, marker) in request.markers.into_iter().enumerate() {
        let WritableTxnMarker { producer_id, producer_epoch, transaction_result, topics, .. } = marker;
        let producer = TransactionalProducer::from_raw(producer_id, producer_epoch);
        let error_code = if transaction_result {
            ErrorCode::CLUSTER_AUTHORIZATION_FAILED
        } else if number >= MARKERS_MAX {
            ErrorCode::INVALID_REQUEST
        } else {
            let aborted = context.agent.transactions.abort(producer).await;
            aborted.map_or_else(|failure| failure.code(), |_| ErrorCode::NONE)
        };
        let topic = |WritableTxnMarkerTopic { name, partition_indexes }| WritableTxnMarkerTopicResult {
            name,
            partitions: partition_indexes
                .into_iter()
                .map(|partition_index| WritableTxnMarkerPartitionResult { partition_index, error_code })
                .collect(),
        };
        markers.push(WritableTxnMarkerResult { producer_id, topics: topics.into_iter().map(topic).collect() });
    }
    WriteTxnMarkersResponse { markers }
}
