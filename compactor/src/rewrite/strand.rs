//! One partition's part of a job, while it grows: all of it CPU work, off the async threads.

use alluvium_history::{FinishedFile, HistoryWriter, WriteError};
use alluvium_model::{Extent, Offset};
use bytes::Bytes;

use super::run::{RunError, for_each_record};
use crate::error::RewriteError;
use crate::plan::Work;

/// A history file that grows by extents.
pub(crate) struct Strand {
    writer: HistoryWriter,
    log_start: Offset,
    bytes_target: u64,
    /// Extents that are in it, whole.
    taken: usize,
    end: Offset,
}

/// A file, and how many of the inputs it replaces.
pub(crate) struct Output {
    pub(crate) file: FinishedFile,
    pub(crate) inputs: usize,
}

/// Why records do not get into the file.
enum PushError {
    Run(RunError),
    Write(WriteError),
}

impl From<RunError> for PushError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl Strand {
    pub(crate) fn new(work: &Work, bytes_target: u64) -> Result<Self, WriteError> {
        let start = work.inputs.first().map_or(Offset(0), |extent| extent.offsets.start);
        let writer = HistoryWriter::new(&work.topic, work.partition, start)?;
        Ok(Self { writer, log_start: work.log_start, bytes_target, taken: 0, end: start })
    }

    /// Whether it is large enough, so that no more extents should come.
    pub(crate) fn is_full(&self) -> bool {
        self.writer.bytes() >= self.bytes_target
    }

    /// Adds the records of a run. After an error the strand is of no use.
    pub(crate) fn take_run(&mut self, extent: &Extent, bytes: Bytes) -> Result<(), RewriteError> {
        let Self { writer, log_start, .. } = self;
        let added = for_each_record(extent, bytes, |record| {
            if record.offset < *log_start {
                return Ok(());
            }
            writer.push(&record).map_err(PushError::Write)
        });
        match added {
            Ok(()) => {
                self.close(extent);
                Ok(())
            }
            Err(PushError::Run(error)) => Err(RewriteError::Run(extent.object, error)),
            Err(PushError::Write(error)) => Err(error.into()),
        }
    }

    /// Adds records of a history file, which [`Strand::close`] completes.
    pub(crate) fn take_records(&mut self, records: &[alluvium_history::HistoryRecord]) -> Result<(), WriteError> {
        let live = records.iter().filter(|record| record.offset >= self.log_start);
        live.into_iter().try_for_each(|record| self.writer.push(record))
    }

    /// Marks `extent`, all of whose records were added, as taken.
    pub(crate) fn close(&mut self, extent: &Extent) {
        self.taken += 1;
        self.end = extent.offsets.end;
    }

    /// The file; `None` where nothing was taken.
    pub(crate) fn finish(self) -> Result<Option<Output>, WriteError> {
        if self.taken == 0 {
            return Ok(None);
        }
        Ok(Some(Output { file: self.writer.finish(self.end)?, inputs: self.taken }))
    }
}
