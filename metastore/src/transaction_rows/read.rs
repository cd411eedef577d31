//! Reading the state of a transactional id.

use alluvium_model::{
    ProducerId,
    transaction::{Transaction, TransactionalId},
};
use bytes::Bytes;
use futures::future::{try_join, try_join3};

use super::{
    key::{MemberKey, begun_by, decode_begun, decode_member_key, id_key, member_count_key, members_of, state_key},
    state_row::{StoredTransaction, decode_id, decode_member_count, decode_state},
};
use crate::{keyspace::Error, kv::Tx};

/// Rows of what belongs to an open transaction that are read together with its state: if it has as many, or more, all are
/// read by themselves.
const ROWS_WITH_STATE_MAX: usize = 64;

/// The rows of what belongs to an open transaction.
pub(crate) type MemberRows = Vec<(Bytes, Bytes)>;

/// The state of `id`.
pub(crate) async fn read(tx: &Tx, id: &TransactionalId) -> Result<Option<StoredTransaction>, Error> {
    match read_producer(tx, id).await? {
        Some(producer) => read_state(tx, producer).await,
        None => Ok(None),
    }
}

/// As [`read`], with what belongs to the open transaction; `None` if that is too much to be read for whoever may be
/// refused. Whatever is added to the transaction meanwhile conflicts.
pub(crate) async fn read_with_members(
    tx: &Tx,
    id: &TransactionalId,
) -> Result<Option<(StoredTransaction, Option<MemberRows>)>, Error> {
    let Some(producer) = read_producer(tx, id).await? else { return Ok(None) };
    let (state, members) = (state_key(producer), members_of(producer).limit(ROWS_WITH_STATE_MAX));
    let (row, members) = try_join(tx.get(&state), tx.range(members)).await?;
    if members.len() == ROWS_WITH_STATE_MAX {
        return Ok(read_state(tx, producer).await?.map(|stored| (stored, None)));
    }
    let Some(row) = row else { return Ok(None) };
    let (mut begun, mut count) = (Vec::new(), None);
    for (key, row) in &members {
        match decode_member_key(key)? {
            MemberKey::Count => count = Some(row),
            MemberKey::Begun(since) => begun.push(since),
            MemberKey::Partition(_) | MemberKey::Group(_) => {}
        }
    }
    let stored = decode_state(producer, &row)?.open(begun, decode_member_count(count.map(|row| &**row))?);
    Ok(Some((stored, Some(members))))
}

/// As [`read`], for whoever adds to the open transaction or begins it: agents may write its first batches meanwhile. When
/// it began is not read.
pub(crate) async fn read_to_join(tx: &Tx, id: &TransactionalId) -> Result<Option<Transaction>, Error> {
    let Some(producer) = read_producer(tx, id).await? else { return Ok(None) };
    let (state, members) = (state_key(producer), member_count_key(producer));
    let (row, members) = try_join(tx.get(&state), tx.get_snapshot(&members)).await?;
    row.map(|row| decode_to_join(producer, &row, members.as_deref())).transpose()
}

/// The state of the transactional id that has the producer id `producer`.
pub(crate) async fn read_state(tx: &Tx, producer: ProducerId) -> Result<Option<StoredTransaction>, Error> {
    let (state, members) = (state_key(producer), member_count_key(producer));
    // The count is only compared with limits: whoever ends the transaction reads all that belongs to it, with conflicts.
    let (row, begun, members) =
        try_join3(tx.get(&state), tx.range(begun_by(producer)), tx.get_snapshot(&members)).await?;
    let Some(row) = row else { return Ok(None) };
    let stored = decode_state(producer, &row)?;
    Ok(Some(stored.open(decode_begun(&begun)?, decode_member_count(members.as_deref())?)))
}

/// The state in `row` for whoever adds to the transaction: it is open if there is a counter of what belongs to it,
/// `members`, and is said to be so since the row of the state was written.
pub(crate) fn decode_to_join(producer: ProducerId, row: &[u8], members: Option<&[u8]>) -> Result<Transaction, Error> {
    let stored = decode_state(producer, row)?;
    let begun = members.map(|_| stored.state.updated).into_iter().collect();
    Ok(stored.open(begun, decode_member_count(members)?).state)
}

async fn read_producer(tx: &Tx, id: &TransactionalId) -> Result<Option<ProducerId>, Error> {
    let row = tx.get(&id_key(id)).await?;
    Ok(row.map(|row| decode_id(&row)).transpose()?)
}
