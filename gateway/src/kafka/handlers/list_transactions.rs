//! ListTransactions (66): all transactional ids and their states.
//!
//! - 1: those whose transaction has been open for longer than the request says. 2: those that a regular expression
//!   matches as a whole.
//!
//! In Kafka each coordinator lists its own, and clients ask all of them; so here each agent lists those that
//! `FindCoordinator` says it coordinates.

use alluvium_metastore::transactions::StoredTransaction;
use alluvium_model::transaction::Status;
use alluvium_wire::messages::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse, ListedTransactionState,
};
use alluvium_wire::{ApiKey, ErrorCode};
use regex_lite::{Regex, RegexBuilder};

use super::describe_transactions::state_name;
use crate::kafka::errors::HasErrorCode;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topology::Topology;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::ListTransactions, 0..=2, |call| answer(call, handle));

/// The states that Kafka knows.
const STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];
/// Bytes of a compiled regular expression, so that none takes much time or memory.
const REGEX_BYTES_MAX: usize = 64 << 10;
/// Bytes of ids in one response, about: hundreds of thousands of ids. Further ones are left out.
const LISTED_BYTES_MAX: usize = 16 << 20;

async fn handle(context: Context, request: ListTransactionsRequest) -> ListTransactionsResponse {
    let unknown = request.state_filters.iter().filter(|state| !STATES.contains(&state.as_str()));
    let unknown_state_filters = unknown.cloned().collect();
    match list(&context, &request).await {
        Ok(transaction_states) => {
            ListTransactionsResponse { unknown_state_filters, transaction_states, ..Default::default() }
        }
        Err(error_code) => ListTransactionsResponse { error_code, unknown_state_filters, ..Default::default() },
    }
}

async fn list(context: &Context, request: &ListTransactionsRequest) -> Result<Vec<ListedTransactionState>, ErrorCode> {
    let pattern = request.transactional_id_pattern.as_deref().filter(|pattern| !pattern.is_empty());
    let pattern = pattern.map(regex).transpose()?;
    let topology = Topology::of(context);
    let this = context.agent.session.node().id.0;
    let is_listed = |stored: &StoredTransaction| {
        let id = stored.id.as_str();
        is_matched(stored, request, context.agent.clock.now().0)
            && pattern.as_ref().is_none_or(|pattern| pattern.is_match(id))
            && topology.coordinator(id).is_some_and(|coordinator| coordinator.id == this)
    };
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = context.agent.transactions.list(after).await.map_err(|failure| failure.code())?;
        listed.extend(page.transactions.iter().filter(|stored| is_listed(stored)).map(|stored| {
            ListedTransactionState {
                transactional_id: stored.id.to_string(),
                producer_id: stored.state.producer.id.0,
                transaction_state: state_name(stored.state.status).to_owned(),
            }
        }));
        match page.next {
            Some(next) if bytes(&listed) < LISTED_BYTES_MAX => after = Some(next),
            Some(_) | None => return Ok(listed),
        }
    }
}

fn bytes(listed: &[ListedTransactionState]) -> usize {
    listed.iter().map(|state| size_of::<ListedTransactionState>() + state.transactional_id.len()).sum()
}

fn is_matched(stored: &StoredTransaction, request: &ListTransactionsRequest, now: i64) -> bool {
    let state = stored.state;
    let has_state =
        request.state_filters.is_empty() || request.state_filters.iter().any(|name| name == state_name(state.status));
    let has_producer =
        request.producer_id_filters.is_empty() || request.producer_id_filters.contains(&state.producer.id.0);
    let is_long = request.duration_filter < 0
        || matches!(state.status, Status::Ongoing { since } if now.saturating_sub(since.0) > request.duration_filter);
    has_state && has_producer && is_long
}

/// The expression that matches what `pattern` matches as a whole.
fn regex(pattern: &str) -> Result<Regex, ErrorCode> {
    let whole = format!("^(?:{pattern})$");
    RegexBuilder::new(&whole).size_limit(REGEX_BYTES_MAX).build().map_err(|_| ErrorCode::INVALID_REGULAR_EXPRESSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_ids() {
        let matches = |pattern, id| regex(pattern).is_ok_and(|regex| regex.is_match(id));
        assert!(matches("app-1", "app-1") && !matches("app", "app-1"));
        assert!(matches("app-.*", "app-1") && matches("a|b", "b") && !matches("a|b", "ab"));
        assert!(regex("a(").is_err() && regex("(((a{1000}){1000}){1000}){1000}").is_err());
    }
}
