//! InitProducerId (22): an id for an idempotent producer, always a new one with epoch 0; or the next epoch of a
//! transactional id, which fences whoever had it and aborts its open transaction.
//!
//! - 3: the producer may send the id and epoch that it has, to go on after an error (KIP-360).
//! - 4: `PRODUCER_FENCED` (KIP-588). 5: `TRANSACTION_ABORTABLE` (KIP-890). Version 6, for two-phase commits, is not served.

use std::time::Duration;

use alluvium_model::transaction::{Init, TransactionalId, TransactionalProducer};
use alluvium_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::{ApiError, in_version};
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::InitProducerId, 0..=5, |call| answer(call, handle));

async fn handle(context: Context, request: InitProducerIdRequest) -> InitProducerIdResponse {
    match init(&context, &request).await {
        Ok(TransactionalProducer { id, epoch }) => {
            InitProducerIdResponse { producer_id: id.0, producer_epoch: epoch.0, ..Default::default() }
        }
        Err(error) => {
            tracing::debug!(peer = %context.peer, code = ?error.code, reason = error.message, "no producer id");
            let error_code = in_version(ApiKey::InitProducerId, context.version, error.code);
            InitProducerIdResponse { error_code, producer_epoch: -1, ..Default::default() }
        }
    }
}

async fn init(context: &Context, request: &InitProducerIdRequest) -> Result<TransactionalProducer, ApiError> {
    let Some(id) = request.transactional_id.as_deref() else {
        expected(request)?;
        return Ok(TransactionalProducer::new(context.agent.producer_ids.next().await?));
    };
    let id = TransactionalId::new(id)
        .ok_or_else(|| ApiError::invalid_request("the transactional id is empty or longer than 4096 bytes"))?;
    let max = context.agent.config.transaction_timeout_max;
    let timeout = u64::try_from(request.transaction_timeout_ms).map(Duration::from_millis).unwrap_or_default();
    if timeout.is_zero() || timeout > max {
        let message = format!("a transaction timeout must be positive and at most {} ms", max.as_millis());
        return Err(ApiError::new(ErrorCode::INVALID_TRANSACTION_TIMEOUT, message));
    }
    let request = Init { expected: expected(request)?, timeout };
    Ok(context.agent.transactions.init(&id, request).await?)
}

/// The id and epoch that the producer has, if it sent them.
fn expected(request: &InitProducerIdRequest) -> Result<Option<TransactionalProducer>, ApiError> {
    match (request.producer_id, request.producer_epoch) {
        (-1, -1) => Ok(None),
        (-1, _) | (_, -1) => Err(ApiError::invalid_request("producer id without epoch, or epoch without id")),
        (id, epoch) => Ok(Some(TransactionalProducer::from_raw(id, epoch))),
    }
}
