//! The list of transactional ids.

use alluvium_model::ProducerId;
use futures::future::try_join_all;

use crate::{
    keyspace::Error,
    kv::Tx,
    transaction_rows::{
        StoredTransaction, begun_by, decode_begun, decode_member_count, decode_state, decode_state_key,
        member_count_key, states_after,
    },
};

/// States read at once, of up to 4 kB each.
pub(super) const PAGE_MAX: usize = 200;

/// One page of the list of transactional ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionsPage {
    /// The ids and their states, by producer id.
    pub transactions: Vec<StoredTransaction>,
    /// The producer id after which the next page begins; `None` at the end.
    pub next: Option<ProducerId>,
}

/// The page of at most `limit` ids that begins after `after`, without read conflicts.
pub(super) async fn page(tx: &Tx, after: Option<ProducerId>, limit: usize) -> Result<TransactionsPage, Error> {
    let rows = tx.range(states_after(after).limit(limit).snapshot()).await?;
    let states = rows.iter().map(|(key, row)| decode_state(decode_state_key(key)?, row));
    let mut transactions = states.collect::<Result<Vec<_>, _>>()?;
    let producers: Vec<_> = transactions.iter().map(|stored| stored.state.producer.id).collect();
    let keys: Vec<_> = producers.iter().copied().map(member_count_key).collect();
    let counters = tx.get_all_snapshot(&keys).await?;
    let open = transactions.iter_mut().zip(counters).filter_map(|(stored, counter)| Some((stored, counter?)));
    try_join_all(open.map(async |(stored, counter)| {
        let begun = tx.range(begun_by(stored.state.producer.id).snapshot()).await?;
        *stored = stored.clone().open(decode_begun(&begun)?, decode_member_count(Some(&counter))?);
        Ok::<_, Error>(())
    }))
    .await?;
    let last = producers.last().copied();
    Ok(TransactionsPage { next: last.filter(|_| rows.len() == limit), transactions })
}
