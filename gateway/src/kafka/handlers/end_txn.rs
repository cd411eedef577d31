//! EndTxn (26): commits or aborts a transaction.
//!
//! - 2: `PRODUCER_FENCED` (KIP-588). 5: the response has the producer's next epoch (KIP-890).

use alluvium_model::transaction::{End, TransactionVersion, TransactionalId, TransactionalProducer, Verdict};
use alluvium_wire::messages::end_txn::{EndTxnRequest, EndTxnResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::{HasErrorCode, in_version};
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::EndTxn, 0..=5, |call| answer(call, handle));

/// The first version of clients whose epoch changes with each end.
const NEXT_EPOCH_VERSION: i16 = 5;

async fn handle(context: Context, request: EndTxnRequest) -> EndTxnResponse {
    match end(&context, &request).await {
        Ok(TransactionalProducer { id, epoch }) => {
            EndTxnResponse { producer_id: id.0, producer_epoch: epoch.0, ..Default::default() }
        }
        Err(code) => {
            EndTxnResponse { error_code: in_version(ApiKey::EndTxn, context.version, code), ..Default::default() }
        }
    }
}

async fn end(context: &Context, request: &EndTxnRequest) -> Result<TransactionalProducer, ErrorCode> {
    let id = TransactionalId::new(&request.transactional_id).ok_or(ErrorCode::INVALID_REQUEST)?;
    let request = End {
        producer: TransactionalProducer::from_raw(request.producer_id, request.producer_epoch),
        verdict: if request.committed { Verdict::Commit } else { Verdict::Abort },
        version: if context.version >= NEXT_EPOCH_VERSION { TransactionVersion::V2 } else { TransactionVersion::V1 },
    };
    context.agent.transactions.end(&id, request).await.map_err(|failure| failure.code())
}
