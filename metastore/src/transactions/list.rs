//! The list of transactional ids.

use std::collections::BTreeMap;

use alluvium_model::ProducerId;
use bytes::Bytes;

use crate::{
    keyspace::Error,
    kv::Tx,
    transaction_rows::{
        StoredTransaction, begun_between, decode_begun_key, decode_members, decode_state, decode_state_key,
        members_key, states_after,
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
    let ends = transactions.first().zip(transactions.last());
    let Some((first, last)) = ends.map(|(first, last)| (first.state.producer.id, last.state.producer.id)) else {
        return Ok(TransactionsPage { transactions, next: None });
    };
    let mut begun: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, _) in tx.range(begun_between(first, last).snapshot()).await? {
        let (producer, since) = decode_begun_key(&key)?;
        begun.entry(producer).or_default().push(since);
    }
    let members: Vec<_> = begun.keys().copied().map(members_key).collect();
    let members: Vec<Option<Bytes>> = tx.get_all_snapshot(&members).await?;
    let mut open: BTreeMap<_, _> =
        begun.into_iter().zip(members).map(|((id, begun), row)| (id, (begun, row))).collect();
    for stored in &mut transactions {
        if let Some((begun, members)) = open.remove(&stored.state.producer.id) {
            *stored = stored.clone().open(begun, decode_members(members.as_deref())?);
        }
    }
    Ok(TransactionsPage { next: (rows.len() == limit).then_some(last), transactions })
}
