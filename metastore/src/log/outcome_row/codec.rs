//! What became of a segment, as bytes.

use alluvium_model::{
    Offset,
    log::{BatchAck, BatchRejection, RunCommit, RunOutcome, SegmentCommit, SegmentOutcome},
};

use super::exception::{self, Exception};
use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const VERSION: u8 = 1;
const UNKNOWN_PARTITION: u8 = 0;
const KNOWN_PARTITION: u8 = 1;
/// Bytes of the shortest run.
const RUN_BYTES_MIN: usize = 1;
/// Bytes of the shortest exception.
const EXCEPTION_BYTES_MIN: usize = 2;

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

/// What became of `segment`.
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

/// Gives the batches without an exception their offsets again.
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
