//! Requests to end transactions: several in one metastore transaction, so that ends of many producers in one partition
//! do not conflict with each other.

use std::collections::HashSet;

use alluvium_model::{
    ProducerId, Timestamp,
    limits::{TRANSACTION_GROUPS_MAX, TRANSACTION_MEMBERS_MAX, TRANSACTION_OFFSETS_MAX},
    transaction::{End, EndOutcome, TransactionError, TransactionalId, TransactionalProducer, end},
};
use futures::future::try_join_all;

use super::{
    end::{EndingTransaction, Members, end_all},
    error::TransactionFailure,
};
use crate::{
    keyspace::Error,
    kv::{self, Tx},
    transaction_rows::{self, MemberRows, StoredTransaction, read_with_members},
};

/// Offsets that several ends commit together: as many as one may.
const OFFSETS_MAX: usize = TRANSACTION_GROUPS_MAX * TRANSACTION_OFFSETS_MAX;

/// A request to end the transaction of a transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndRequest {
    /// The transactional id.
    pub id: TransactionalId,
    /// What is asked.
    pub end: End,
    /// A producer id that nobody has, in case the epoch is exhausted.
    pub fresh: ProducerId,
}

/// The answer to an [`EndRequest`]: who may write from now on, or why the transaction is not ended.
pub type EndResult = Result<TransactionalProducer, TransactionFailure>;

/// What the rules say about a request.
struct EndDecision<'a> {
    request: &'a EndRequest,
    before: Option<StoredTransaction>,
    /// What belongs to it, if that was read with it.
    members: Option<MemberRows>,
    outcome: Result<EndOutcome, TransactionError>,
}

impl<'a> EndDecision<'a> {
    async fn read(tx: &Tx, request: &'a EndRequest, now: Timestamp) -> Result<Self, Error> {
        let (before, members) = read_with_members(tx, &request.id).await?.unzip();
        let outcome = end(before.as_ref().map(|before| &before.state), request.end, request.fresh, now);
        Ok(Self { request, before, members: members.flatten(), outcome })
    }

    /// The open transaction that ends by it, and the number of its members.
    fn ending(&self) -> Option<(EndingTransaction, u32)> {
        let (before, outcome) = (self.before.as_ref()?.state, self.outcome.ok()?);
        let (writer, next, verdict) = (before.producer, outcome.transaction.producer, self.request.end.verdict);
        outcome.ends.then_some((EndingTransaction { writer, next, verdict }, before.members))
    }

    /// Writes the state from now on. Returns the answer.
    fn save(self, tx: &Tx) -> EndResult {
        let state = self.outcome.map_err(|error| refusal(tx, error))?.transaction;
        if self.before.as_ref().map(|before| before.state) != Some(state) {
            transaction_rows::save(tx, self.before.as_ref(), &self.request.id, &state);
        }
        Ok(state.producer)
    }
}

/// Ends the first of `requests`, at least one: as many as, together, are no larger than one transaction may be.
/// Returns the answers to them.
pub(super) async fn end_first(tx: &Tx, requests: &[EndRequest], now: Timestamp) -> Result<Vec<EndResult>, Error> {
    let requests = &requests[..distinct(requests)];
    let mut decided = try_join_all(requests.iter().map(|request| EndDecision::read(tx, request, now))).await?;
    let members = decided.iter().map(|decided| decided.ending().map_or(0, |(_, members)| members as usize));
    decided.truncate(fitting(members, TRANSACTION_MEMBERS_MAX as usize));
    let ending = decided.iter_mut().map(async |decided| match decided.ending() {
        Some((end, _)) => Ok::<_, Error>(Some((end, Members::read(tx, end, decided.members.take()).await?))),
        None => Ok(None),
    });
    let mut ending = try_join_all(ending).await?;
    let offsets = ending.iter().map(|ending| ending.as_ref().map_or(0, |(_, members)| members.offsets()));
    let count = fitting(offsets, OFFSETS_MAX);
    ending.truncate(count);
    decided.truncate(count);
    end_all(tx, &ending.into_iter().flatten().collect::<Vec<_>>(), now).await?;
    Ok(decided.into_iter().map(|decided| decided.save(tx)).collect())
}

/// Why an end is refused. If an earlier attempt may have been committed, its result stays unknown: whoever is told that
/// another producer has taken over takes the transaction for aborted.
fn refusal(tx: &Tx, error: TransactionError) -> TransactionFailure {
    if !tx.is_maybe_committed() {
        return error.into();
    }
    let last = Box::new(kv::Error::UnknownResult);
    Error::from(kv::Error::GaveUp { transaction: "transactions.end", attempts: 2, last }).into()
}

/// Number of the first requests that are about different ids: a second one about the same is decided after the first.
fn distinct(requests: &[EndRequest]) -> usize {
    let mut ids = HashSet::new();
    requests.iter().take_while(|request| ids.insert(&request.id)).count()
}

/// Number of the first sizes whose sum is at most `most`, and at least 1.
fn fitting(sizes: impl Iterator<Item = usize>, most: usize) -> usize {
    let sums = sizes.scan(0_usize, |sum, size| {
        *sum = sum.saturating_add(size);
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= most).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_taken_however_large_and_others_as_long_as_they_fit() {
        assert_eq!(fitting([5, 5, 1].into_iter(), 10), 2);
        assert_eq!(fitting([50, 0].into_iter(), 10), 1);
        assert_eq!(fitting([0, 0, 0].into_iter(), 0), 3);
    }
}
