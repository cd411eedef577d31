//! Writing the state of a transactional id, together with its deadline.

use alluvium_model::transaction::Transaction;

use super::{
    key::{deadline_key, id_key, state_key},
    state_row::{StoredTransaction, encode_deadline, encode_id, encode_state},
};
use crate::kv::Tx;

/// Writes `stored`, whose state was `before`.
pub(crate) fn save(tx: &Tx, before: Option<&Transaction>, stored: &StoredTransaction) {
    let (now, then) = (&stored.state, before);
    let producer = now.producer.id;
    tx.set(&state_key(producer), &encode_state(stored));
    if then.map(|then| then.producer.id) != Some(producer) {
        tx.set(&id_key(&stored.id), &encode_id(producer));
        if let Some(then) = then {
            tx.clear(&state_key(then.producer.id));
        }
    }
    let deadline = |state: &Transaction| {
        let since = state.open_since()?;
        Some((deadline_key(state.deadline()?, state.producer.id), encode_deadline(since)))
    };
    let (old, new) = (then.and_then(deadline), deadline(now));
    if old != new {
        old.into_iter().for_each(|(key, _)| tx.clear(&key));
        new.into_iter().for_each(|(key, row)| tx.set(&key, &row));
    }
}

/// Removes a transactional id that nobody uses any more.
pub(crate) fn remove(tx: &Tx, stored: &StoredTransaction) {
    tx.clear(&state_key(stored.state.producer.id));
    tx.clear(&id_key(&stored.id));
}
