//! Writing the state of a transactional id, and what says that its transaction is open.

use alluvium_model::transaction::{Transaction, TransactionalId};

use super::{
    key::{begun_key, deadline_key, id_key, member_count_key, members_of, state_key},
    state_row::{StoredTransaction, encode_deadline, encode_id, encode_state},
};
use crate::kv::Tx;

/// Writes the state of `id`, which was `before`. No transaction is open from now on: what belonged to it is cleared.
pub(crate) fn save(tx: &Tx, before: Option<&StoredTransaction>, id: &TransactionalId, after: &Transaction) {
    let producer = after.producer.id;
    tx.set(&state_key(producer), &encode_state(id, after));
    let Some(before) = before else { return tx.set(&id_key(id), &encode_id(producer)) };
    if before.state.producer.id != producer {
        tx.set(&id_key(id), &encode_id(producer));
        tx.clear(&state_key(before.state.producer.id));
    }
    if !before.begun.is_empty() {
        clear_members(tx, before);
    }
}

/// Clears what belonged to an open transaction.
fn clear_members(tx: &Tx, before: &StoredTransaction) {
    let producer = before.state.producer.id;
    let members = members_of(producer);
    tx.clear_range(&members.begin, &members.end);
    for since in &before.begun {
        tx.clear(&deadline_key(since.plus(before.state.timeout), producer));
    }
}

/// Writes what a transaction, `before`, is `after` partitions and groups were added to it. Agents that do that at
/// the same time, or begin it, do not conflict with each other: the row of the state, which all of them read, stays.
pub(crate) fn save_joined(tx: &Tx, before: &Transaction, after: &Transaction) {
    let producer = after.producer.id;
    tx.add(&member_count_key(producer), i64::from(after.members) - i64::from(before.members));
    if let (None, Some(since)) = (before.open_since(), after.open_since()) {
        tx.set(&begun_key(producer, since), &[]);
        tx.set(&deadline_key(since.plus(after.timeout), producer), &encode_deadline(since));
    }
}

/// Removes a transactional id that nobody uses any more.
pub(crate) fn remove(tx: &Tx, stored: &StoredTransaction) {
    tx.clear(&state_key(stored.state.producer.id));
    tx.clear(&id_key(&stored.id));
}
