//! The value of an outcome row, cut into chunks because thousands of batches may have been rejected.
//!
//! It keeps only what the segment itself does not say: the offset at which each run begins, and the exceptions, which
//! are the batches that were not appended right after the batch before them.
//!
//! ```text
//! value | part of: | version: 1 (1) | runs: varint | run ... | |
//!
//! run       | kind 0: unknown partition |
//!           | kind 1 | log start: 8 | base of its first appended batch: 8 | exceptions: varint | exception ... |
//! exception | gap before the batch's number: varint | kind: 1 | by kind |
//!           | kind 1, duplicate            | base: 8 | timestamp: 8 |
//!           | kind 2, out of order         | expected: 4 | found: 4 |
//!           | kind 3, older duplicate      | |
//!           | kind 4, fenced               | current epoch: 2 |
//!           | kind 5, first batch missing  | found: 4 |
//!           | kind 6, unknown transactional producer | |
//!           | kind 7, not in the transaction | |
//!           | kind 8, transaction too large | members: 4 |
//! ```

use alluvium_model::{
    Offset,
    log::{BatchAck, BatchRejection, RunCommit, RunOutcome, SegmentCommit, SegmentOutcome},
};

use super::exception::{self, Exception};
use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const VERSION: u8 = 1;
const UNKNOWN_PARTITION: u8 = 0;
const KNOWN_PARTITION: u8 = 1;
/// Bytes of the shortest run: its kind.
const RUN_BYTES_MIN: usize = 1;
/// Bytes of the shortest exception: its gap and its kind.
const EXCEPTION_BYTES_MIN: usize = 2;

/// The outcome as one row, before it is cut into chunks.
pub(crate) fn encode(outcome: &SegmentOutcome) -> Vec<u8> {
    let row = RowWriter::new(VERSION).count(outcome.runs.len());
    outcome.runs.iter().fold(row, encode_run).finish()
}

fn encode_run(row: RowWriter, run: &RunOutcome) -> RowWriter {
    if run.batches.first() == Some(&Err(BatchRejection::UnknownPartition)) {
        return row.u8(UNKNOWN_PARTITION);
    }
    let appended = |batch: &Result<BatchAck, BatchRejection>| batch.ok().filter(|ack| !ack.duplicate);
    let base = run.batches.iter().find_map(appended).map_or(Offset(-1), |ack| ack.base);
    let exceptions: Vec<_> = (0u64..).zip(&run.batches).filter(|(_, batch)| appended(batch).is_none()).collect();
    let row = row.u8(KNOWN_PARTITION).i64(run.start.0).i64(base.0).count(exceptions.len());
    let mut expected = 0;
    exceptions.into_iter().fold(row, |row, (number, batch)| {
        let gap = number - expected;
        expected = number + 1;
        exception::encode(row.varint(gap), batch)
    })
}

/// The outcome of `segment`, from its chunks put together again.
pub(crate) fn decode(segment: &SegmentCommit, row: &[u8]) -> Result<SegmentOutcome, RowError> {
    let mut row = RowReader::new("outcome", row, VERSION)?;
    if row.count(RUN_BYTES_MIN)? != segment.runs.len() {
        return Err(row.malformed("number of runs"));
    }
    let runs = segment.runs.iter().map(|run| decode_run(&mut row, run)).collect::<Result<_, _>>()?;
    row.finish()?;
    Ok(SegmentOutcome { runs })
}

fn decode_run(row: &mut RowReader<'_>, run: &RunCommit) -> Result<RunOutcome, RowError> {
    match row.u8()? {
        UNKNOWN_PARTITION => Ok(RunOutcome {
            partition: run.partition,
            start: Offset(-1),
            batches: vec![Err(BatchRejection::UnknownPartition); run.batches.len()],
        }),
        KNOWN_PARTITION => {
            let (start, base) = (Offset(row.i64()?), Offset(row.i64()?));
            let exceptions = decode_exceptions(row, run.batches.len())?;
            Ok(RunOutcome { partition: run.partition, start, batches: replay(run, base, exceptions) })
        }
        kind => Err(row.error(RowProblem::UnknownKind(kind))),
    }
}

/// The exceptions of a run of `batches`, each with its batch's number, ascending.
fn decode_exceptions(row: &mut RowReader<'_>, batches: usize) -> Result<Vec<(usize, Exception)>, RowError> {
    let count = row.count(EXCEPTION_BYTES_MIN)?;
    let mut exceptions = Vec::with_capacity(count.min(batches));
    let mut expected = 0usize;
    for _ in 0..count {
        let gap = usize::try_from(row.varint()?).ok();
        let number = gap.and_then(|gap| gap.checked_add(expected)).filter(|number| *number < batches);
        let number = number.ok_or(row.malformed("batch number"))?;
        exceptions.push((number, exception::decode(row)?));
        expected = number + 1;
    }
    Ok(exceptions)
}

/// The outcome of each batch: its exception, or the offset that follows from the batches before it.
fn replay(run: &RunCommit, base: Offset, exceptions: Vec<(usize, Exception)>) -> Vec<Exception> {
    let mut exceptions = exceptions.into_iter().peekable();
    let mut next = base;
    let outcome = |(number, batch): (usize, &alluvium_model::log::BatchCommit)| {
        if let Some((_, exception)) = exceptions.next_if(|(of, _)| *of == number) {
            return exception;
        }
        let base = next;
        next = base.plus(batch.records.into());
        Ok(BatchAck { base, duplicate: false, timestamp: batch.timestamps.1 })
    };
    run.batches.iter().enumerate().map(outcome).collect()
}
