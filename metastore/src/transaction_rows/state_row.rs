//! The values of the rows of transactions.
//!
//! ```text
//! state     | version: 1 (2) | transactional id: text | epoch: 2 | previous producer: optional (producer id: 8, epoch: 2)
//!           | status: 1 (0 empty, 2 committed, 3 aborted) | timeout, ms: varint | updated: 8 |
//! count     | a counter, little-endian: 8; partitions and groups that belong to the open transaction
//! id        | version: 1 (1) | producer id: 8 |
//! deadline  | version: 1 (1) | since: 8 |
//! partition | version: 1 (1) | offset of the first record: optional (8) |
//! open      | version: 1 (1) | producer id: 8 |
//! aborted   | version: 1 (1) | producer id: 8 | offset of the first record: 8 | stable offset after its end: 8 |
//! ```

use std::time::Duration;

use alluvium_model::{
    Offset, ProducerEpoch, ProducerId, Timestamp,
    log::transaction_end::AbortedTransaction,
    transaction::{Status, Transaction, TransactionalId, TransactionalProducer, Verdict},
};

use crate::keyspace::{RowError, RowReader, RowWriter, decode_counter};

const VERSION: u8 = 1;
/// In version 1 this row said what is open (status 1), so agents that began a transaction together conflicted.
const STATE_VERSION: u8 = 2;
const EMPTY: u8 = 0;
const COMMITTED: u8 = 2;
const ABORTED: u8 = 3;

/// A transactional id and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTransaction {
    /// The id.
    pub id: TransactionalId,
    /// Its state.
    pub state: Transaction,
    /// When its open transaction began, by each agent that began it, the earliest first.
    pub(crate) begun: Vec<Timestamp>,
}

impl StoredTransaction {
    /// With what other rows say about its open transaction; if it was `begun` by nobody, there is none.
    pub(crate) fn open(self, begun: Vec<Timestamp>, members: u32) -> Self {
        let Some(since) = begun.first().copied() else { return self };
        Self { state: ongoing(self.state, since, members), begun, ..self }
    }
}

/// The state whose stored row is `state`, after it has begun a transaction.
fn ongoing(state: Transaction, since: Timestamp, members: u32) -> Transaction {
    Transaction { previous: None, status: Status::Ongoing { since }, members, updated: since, ..state }
}

/// The value of the row of the state of a transactional id, of which no transaction is open: other rows say that.
pub(crate) fn encode_state(id: &TransactionalId, state: &Transaction) -> Vec<u8> {
    let Transaction { producer, previous, status, members: _, timeout, updated } = *state;
    debug_assert!(state.open_since().is_none(), "{state:?}");
    let row = RowWriter::new(STATE_VERSION).text(id.as_str()).i16(producer.epoch.0);
    let row = row.optional(previous.as_ref(), |row, previous| row.i64(previous.id.0).i16(previous.epoch.0));
    let row = match status {
        Status::Empty | Status::Ongoing { .. } => row.u8(EMPTY),
        Status::Ended(Verdict::Commit) => row.u8(COMMITTED),
        Status::Ended(Verdict::Abort) => row.u8(ABORTED),
    };
    let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    row.varint(timeout).i64(updated.0).finish()
}

/// The state of the transactional id that has the producer id `producer`, as if no transaction were open.
pub(crate) fn decode_state(producer: ProducerId, row: &[u8]) -> Result<StoredTransaction, RowError> {
    let mut row = RowReader::new("transaction", row, STATE_VERSION)?;
    let id = TransactionalId::new(&row.text()?).ok_or(row.malformed("transactional id"))?;
    let epoch = ProducerEpoch(row.i16()?);
    let previous = row.optional(|row| Ok(TransactionalProducer::from_raw(row.i64()?, row.i16()?)))?;
    let status = match row.u8()? {
        EMPTY => Status::Empty,
        COMMITTED => Status::Ended(Verdict::Commit),
        ABORTED => Status::Ended(Verdict::Abort),
        _ => return Err(row.malformed("status")),
    };
    let timeout = Duration::from_millis(row.varint()?);
    let updated = Timestamp(row.i64()?);
    row.finish()?;
    let producer = TransactionalProducer { id: producer, epoch };
    let state = Transaction { producer, previous, status, members: 0, timeout, updated };
    Ok(StoredTransaction { id, state, begun: Vec::new() })
}

/// Partitions and groups of an open transaction.
pub(crate) fn decode_member_count(value: Option<&[u8]>) -> Result<u32, RowError> {
    Ok(u32::try_from(decode_counter("transaction members", value)?).unwrap_or(u32::MAX))
}

/// The value of the row of a transactional id.
pub(crate) fn encode_id(producer: ProducerId) -> Vec<u8> {
    RowWriter::new(VERSION).i64(producer.0).finish()
}

/// The producer id of a transactional id.
pub(crate) fn decode_id(row: &[u8]) -> Result<ProducerId, RowError> {
    RowReader::whole("transactional id", row, VERSION, |row| row.i64().map(ProducerId))
}

/// The value of the row of the deadline of a transaction that is open since `since`.
pub(crate) fn encode_deadline(since: Timestamp) -> Vec<u8> {
    RowWriter::new(VERSION).i64(since.0).finish()
}

/// Since when the transaction of the row of a deadline is open.
pub(crate) fn decode_deadline(row: &[u8]) -> Result<Timestamp, RowError> {
    RowReader::whole("transaction deadline", row, VERSION, |row| row.i64().map(Timestamp))
}

/// The value of the row of a partition of an open transaction, whose first record there is at `first`, if there is one.
pub(crate) fn encode_partition(first: Option<Offset>) -> Vec<u8> {
    RowWriter::new(VERSION).optional(first.as_ref(), |row, first| row.i64(first.0)).finish()
}

/// The offset of the first record in the partition of a row.
pub(crate) fn decode_partition(row: &[u8]) -> Result<Option<Offset>, RowError> {
    RowReader::whole("transaction partition", row, VERSION, |row| row.optional(|row| row.i64().map(Offset)))
}

/// The value of the row of an open transaction in a partition.
pub(crate) fn encode_open(producer: ProducerId) -> Vec<u8> {
    RowWriter::new(VERSION).i64(producer.0).finish()
}

/// The producer of a row of an open transaction.
pub(crate) fn decode_open(row: &[u8]) -> Result<ProducerId, RowError> {
    RowReader::whole("open transaction", row, VERSION, |row| row.i64().map(ProducerId))
}

/// The value of the row of an aborted transaction, after whose end everything below `stable` was stable.
pub(crate) fn encode_aborted(aborted: AbortedTransaction, stable: Offset) -> Vec<u8> {
    RowWriter::new(VERSION).i64(aborted.producer.0).i64(aborted.first.0).i64(stable.0).finish()
}

/// The aborted transaction of a row, whose marker is at `last`, and the stable offset after its end.
pub(crate) fn decode_aborted(last: Offset, row: &[u8]) -> Result<(AbortedTransaction, Offset), RowError> {
    RowReader::whole("aborted transaction", row, VERSION, |row| {
        let (producer, first, stable) = (ProducerId(row.i64()?), Offset(row.i64()?), Offset(row.i64()?));
        Ok((AbortedTransaction { producer, first, last }, stable))
    })
}
