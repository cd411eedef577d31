//! Builds the history file of one compaction: all of it CPU work, off the async threads.

use alluvium_history::{FinishedFile, HistoryRecord, HistoryWriter, WriteError};
use alluvium_model::{Extent, Offset};
use bytes::Bytes;

use super::error::RewriteError;
use super::segment_run::{RunError, for_each_record};
use crate::plan::Compaction;

/// A history file to which extents are added.
pub(crate) struct FileBuilder {
    writer: HistoryWriter,
    log_start: Offset,
    bytes_target: u64,
    /// Inputs added completely.
    inputs: usize,
    /// End of the last of them.
    end: Offset,
}

/// A finished file.
pub(crate) struct BuiltFile {
    pub(crate) file: FinishedFile,
    /// How many of the compaction's inputs it replaces, from the first.
    pub(crate) inputs: usize,
}

/// Why the records of a run were not added.
enum AddError {
    Run(RunError),
    Write(WriteError),
}

impl From<RunError> for AddError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl FileBuilder {
    pub(crate) fn new(compaction: &Compaction, bytes_target: u64) -> Result<Self, WriteError> {
        let start = compaction.inputs.first().map_or(Offset(0), |extent| extent.offsets.start);
        let writer = HistoryWriter::new(&compaction.topic, compaction.partition, start)?;
        Ok(Self { writer, log_start: compaction.log_start, bytes_target, inputs: 0, end: start })
    }

    /// Whether the file has reached its target size, so that no more inputs should be added.
    pub(crate) fn is_full(&self) -> bool {
        self.writer.bytes() >= self.bytes_target
    }

    /// Adds the run of `extent`, whose bytes are `bytes`. After an error the builder must be dropped.
    pub(crate) fn add_run(&mut self, extent: &Extent, bytes: Bytes) -> Result<(), RewriteError> {
        let Self { writer, log_start, .. } = self;
        let added = for_each_record(extent, bytes, |record| {
            if record.offset < *log_start {
                return Ok(());
            }
            writer.push(&record).map_err(AddError::Write)
        });
        match added {
            Ok(()) => {
                self.finish_input(extent);
                Ok(())
            }
            Err(AddError::Run(error)) => Err(RewriteError::Run(extent.object, error)),
            Err(AddError::Write(error)) => Err(error.into()),
        }
    }

    /// Adds some records of a history file; [`FileBuilder::finish_input`] follows after the last of them.
    pub(crate) fn add_records(&mut self, records: &[HistoryRecord]) -> Result<(), WriteError> {
        let live = records.iter().filter(|record| record.offset >= self.log_start);
        live.into_iter().try_for_each(|record| self.writer.push(record))
    }

    /// Notes that all records of `extent` were added.
    pub(crate) fn finish_input(&mut self, extent: &Extent) {
        self.inputs += 1;
        self.end = extent.offsets.end;
    }

    /// The finished file; `None` if no input was added.
    pub(crate) fn finish(self) -> Result<Option<BuiltFile>, WriteError> {
        if self.inputs == 0 {
            return Ok(None);
        }
        Ok(Some(BuiltFile { file: self.writer.finish(self.end)?, inputs: self.inputs }))
    }
}
