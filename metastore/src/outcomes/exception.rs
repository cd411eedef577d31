//! A batch that was not appended right after the one before it, as a part of the outcome row.

use alluvium_model::{
    Offset, ProducerEpoch, Sequence, Timestamp,
    log::{BatchAck, BatchRejection},
};

use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const DUPLICATE: u8 = 1;
const OUT_OF_ORDER: u8 = 2;
const OLDER_DUPLICATE: u8 = 3;
const FENCED: u8 = 4;
const FIRST_MISSING: u8 = 5;
const UNKNOWN_TRANSACTIONAL_PRODUCER: u8 = 6;
const NOT_IN_TRANSACTION: u8 = 7;
const TRANSACTION_TOO_LARGE: u8 = 8;

/// A duplicate, or a batch that was rejected.
pub(super) type Exception = Result<BatchAck, BatchRejection>;

/// Appends an exception.
pub(super) fn encode(row: RowWriter, exception: &Exception) -> RowWriter {
    match exception {
        Ok(BatchAck { base, duplicate: _, timestamp }) => row.u8(DUPLICATE).i64(base.0).i64(timestamp.0),
        Err(BatchRejection::OutOfOrderSequence { expected, found }) => {
            row.u8(OUT_OF_ORDER).i32(expected.0).i32(found.0)
        }
        Err(BatchRejection::DuplicateSequence) => row.u8(OLDER_DUPLICATE),
        Err(BatchRejection::FencedEpoch { current }) => row.u8(FENCED).i16(current.0),
        Err(BatchRejection::FirstBatchMissing { found }) => row.u8(FIRST_MISSING).i32(found.0),
        Err(BatchRejection::UnknownTransactionalProducer) => row.u8(UNKNOWN_TRANSACTIONAL_PRODUCER),
        Err(BatchRejection::NotInTransaction) => row.u8(NOT_IN_TRANSACTION),
        Err(BatchRejection::TransactionTooLarge { members }) => row.u8(TRANSACTION_TOO_LARGE).u32(*members),
        Err(BatchRejection::UnknownPartition | BatchRejection::SegmentTooOld { .. }) => {
            unreachable!("whole runs are rejected for these, and late segments have no outcome row")
        }
    }
}

/// Reads an exception.
pub(super) fn decode(row: &mut RowReader<'_>) -> Result<Exception, RowError> {
    Ok(match row.u8()? {
        DUPLICATE => {
            let (base, timestamp) = (Offset(row.i64()?), Timestamp(row.i64()?));
            Ok(BatchAck { base, duplicate: true, timestamp })
        }
        OUT_OF_ORDER => {
            let (expected, found) = (Sequence(row.i32()?), Sequence(row.i32()?));
            Err(BatchRejection::OutOfOrderSequence { expected, found })
        }
        OLDER_DUPLICATE => Err(BatchRejection::DuplicateSequence),
        FENCED => Err(BatchRejection::FencedEpoch { current: ProducerEpoch(row.i16()?) }),
        FIRST_MISSING => Err(BatchRejection::FirstBatchMissing { found: Sequence(row.i32()?) }),
        UNKNOWN_TRANSACTIONAL_PRODUCER => Err(BatchRejection::UnknownTransactionalProducer),
        NOT_IN_TRANSACTION => Err(BatchRejection::NotInTransaction),
        TRANSACTION_TOO_LARGE => Err(BatchRejection::TransactionTooLarge { members: row.u32()? }),
        kind => return Err(row.error(RowProblem::UnknownKind(kind))),
    })
}
