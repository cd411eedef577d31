//! Reading the state of a transactional id.

use alluvium_model::{ProducerId, transaction::TransactionalId};
use futures::future::try_join3;

use super::{
    key::{begun_by, decode_begun_key, id_key, members_key, state_key},
    state_row::{StoredTransaction, decode_id, decode_members, decode_state},
};
use crate::{
    keyspace::Error,
    kv::{Range, Tx},
};

/// The state of `id`.
pub(crate) async fn read(tx: &Tx, id: &TransactionalId) -> Result<Option<StoredTransaction>, Error> {
    match tx.get(&id_key(id)).await? {
        Some(row) => read_state(tx, decode_id(&row)?).await,
        None => Ok(None),
    }
}

/// As [`read`], for whoever adds to the open transaction or begins it: agents may write its first batches meanwhile.
pub(crate) async fn read_to_join(tx: &Tx, id: &TransactionalId) -> Result<Option<StoredTransaction>, Error> {
    let Some(row) = tx.get(&id_key(id)).await? else { return Ok(None) };
    let producer = decode_id(&row)?;
    read_rows(tx, producer, begun_by(producer).snapshot()).await
}

/// The state of the transactional id that has the producer id `producer`.
pub(crate) async fn read_state(tx: &Tx, producer: ProducerId) -> Result<Option<StoredTransaction>, Error> {
    read_rows(tx, producer, begun_by(producer)).await
}

async fn read_rows(tx: &Tx, producer: ProducerId, begun: Range) -> Result<Option<StoredTransaction>, Error> {
    let (state, members) = (state_key(producer), members_key(producer));
    // Whoever ends the transaction reads what belongs to it, with conflicts; their number is only compared with limits.
    let (row, begun, members) = try_join3(tx.get(&state), tx.range(begun), tx.get_snapshot(&members)).await?;
    let Some(row) = row else { return Ok(None) };
    let begun = begun.iter().map(|(key, _)| Ok(decode_begun_key(key)?.1)).collect::<Result<_, Error>>()?;
    Ok(Some(decode_state(producer, &row)?.open(begun, decode_members(members.as_deref())?)))
}
