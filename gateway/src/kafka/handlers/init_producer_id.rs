//! InitProducerId (22): an id for an idempotent producer, always a new one with epoch 0.
//!
//! There are no transactions yet: a transactional id gets the one error code that every client treats as fatal (clients
//! retry after codes that they do not know).
//!
//! - 3: the producer may send its old id (KIP-360), which matters to transactions only.

use alluvium_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::InitProducerId, 0..=5, |call| answer(call, handle));

async fn handle(context: Context, request: InitProducerIdRequest) -> InitProducerIdResponse {
    match allocate(&context, &request).await {
        Ok(producer_id) => InitProducerIdResponse { producer_id, producer_epoch: 0, ..Default::default() },
        Err(error) => {
            tracing::debug!(peer = %context.peer, code = ?error.code, reason = error.message, "no producer id");
            InitProducerIdResponse { error_code: error.code, producer_epoch: -1, ..Default::default() }
        }
    }
}

async fn allocate(context: &Context, request: &InitProducerIdRequest) -> Result<i64, ApiError> {
    match request.transactional_id.as_deref() {
        None => {}
        Some("") => return Err(ApiError::invalid_request("the transactional id is empty")),
        Some(_) => {
            let code = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
            return Err(ApiError::new(code, "transactions are not supported"));
        }
    }
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return Err(ApiError::invalid_request("producer id without epoch, or epoch without id"));
    }
    Ok(context.agent.producer_ids.next().await?.0)
}
