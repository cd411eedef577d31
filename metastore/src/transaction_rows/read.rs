//! Reading the state of a transactional id.

use alluvium_model::{ProducerId, transaction::TransactionalId};

use super::{
    key::{id_key, state_key},
    state_row::{StoredTransaction, decode_id, decode_state},
};
use crate::{keyspace::Error, kv::Tx};

/// The state of `id`.
pub(crate) async fn read(tx: &Tx, id: &TransactionalId) -> Result<Option<StoredTransaction>, Error> {
    let Some(row) = tx.get(&id_key(id)).await? else { return Ok(None) };
    read_state(tx, decode_id(&row)?).await
}

/// The state of the transactional id that has the producer id `producer`.
pub(crate) async fn read_state(tx: &Tx, producer: ProducerId) -> Result<Option<StoredTransaction>, Error> {
    let row = tx.get(&state_key(producer)).await?;
    Ok(row.map(|row| decode_state(producer, &row)).transpose()?)
}
