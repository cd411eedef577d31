//! AddOffsetsToTxn (25): adds a group to a transaction, before its offsets are committed with it.
//!
//! - 2: `PRODUCER_FENCED` (KIP-588). Clients of `transaction.version` 2 do not send it.

use alluvium_model::group::GroupId;
use alluvium_model::transaction::{TransactionalId, TransactionalProducer};
use alluvium_wire::messages::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::{HasErrorCode, in_version};
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::AddOffsetsToTxn, 0..=4, |call| answer(call, handle));

async fn handle(context: Context, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
    let code = match (TransactionalId::new(&request.transactional_id), GroupId::new(&request.group_id)) {
        (None, _) => ErrorCode::INVALID_REQUEST,
        (Some(_), None) => ErrorCode::INVALID_GROUP_ID,
        (Some(id), Some(group)) => {
            let producer = TransactionalProducer::from_raw(request.producer_id, request.producer_epoch);
            let added = context.agent.transactions.add(&id, producer, &[], &[group]).await;
            added.map_or_else(|failure| failure.code(), |()| ErrorCode::NONE)
        }
    };
    let error_code = in_version(ApiKey::AddOffsetsToTxn, context.version, code);
    AddOffsetsToTxnResponse { error_code, ..Default::default() }
}
