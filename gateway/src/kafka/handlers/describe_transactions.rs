//! DescribeTransactions (65): the states of transactional ids, and the partitions of their open transactions.

use std::collections::BTreeMap;

use alluvium_model::transaction::{Status, Transaction, TransactionalId, Verdict};
use alluvium_wire::messages::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData, TransactionState,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DescribeTransactions, 0..=0, |call| answer(call, handle));

/// Ids that are described in one response; more are an error, because each takes reads of the metastore.
const IDS_MAX: usize = 1_000;

async fn handle(context: Context, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
    let mut transaction_states = Vec::with_capacity(request.transactional_ids.len().min(IDS_MAX));
    for (number, transactional_id) in request.transactional_ids.into_iter().enumerate() {
        let described = if number < IDS_MAX {
            describe(&context, &transactional_id).await
        } else {
            Err(ErrorCode::INVALID_REQUEST)
        };
        let failed = |error_code| TransactionState { error_code, ..Default::default() };
        transaction_states.push(TransactionState { transactional_id, ..described.unwrap_or_else(failed) });
    }
    DescribeTransactionsResponse { transaction_states, ..Default::default() }
}

async fn describe(context: &Context, id: &str) -> Result<TransactionState, ErrorCode> {
    let id = TransactionalId::new(id).ok_or(ErrorCode::INVALID_REQUEST)?;
    let described = context.agent.transactions.describe(&id).await.map_err(|failure| failure.code())?;
    let (stored, partitions) = described.ok_or(ErrorCode::TRANSACTIONAL_ID_NOT_FOUND)?;
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        if let Some(topic) = context.agent.metadata_cache.topic_by_id(partition.topic) {
            topics.entry(topic.topic.name.clone()).or_default().push(partition.partition.0);
        }
    }
    let Transaction { producer, status, timeout, .. } = stored.state;
    Ok(TransactionState {
        transaction_state: state_name(status).to_owned(),
        transaction_timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        transaction_start_time_ms: match status {
            Status::Ongoing { since } => since.0,
            Status::Empty | Status::Ended(_) => -1,
        },
        producer_id: producer.id.0,
        producer_epoch: producer.epoch.0,
        topics: topics.into_iter().map(|(topic, partitions)| TopicData { topic, partitions }).collect(),
        ..Default::default()
    })
}

/// Kafka's name of the state.
pub fn state_name(status: Status) -> &'static str {
    match status {
        Status::Empty => "Empty",
        Status::Ongoing { .. } => "Ongoing",
        Status::Ended(Verdict::Commit) => "CompleteCommit",
        Status::Ended(Verdict::Abort) => "CompleteAbort",
    }
}
