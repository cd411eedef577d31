//! Builds the history file of one compaction, or its part of a shared one: all of it CPU work, off the async threads.

use std::collections::VecDeque;

use alluvium_history::{FinishedFile, HistoryCompression, HistoryWriter, WriteError};
use alluvium_model::log::transaction_end::AbortedTransaction;
use alluvium_model::{Extent, Offset, TopicPartition};
use bytes::Bytes;

use super::error::{BuildFailure, RewriteError};
use super::segment_run::{RunError, for_each_record};
use super::settings::RewriteSettings;
use super::shared_file::SharedFile;
use crate::plan::{Compaction, Part, Sharing};

/// A history file to which extents are added.
pub(crate) struct FileBuilder {
    topic: String,
    partition: TopicPartition,
    log_start: Offset,
    bytes_target: u64,
    compression: HistoryCompression,
    /// Whether runs are collected until the file is finished, so that only one file of a job has an encoder at a time.
    collects: bool,
    /// The encoder, once something is encoded.
    writer: Option<HistoryWriter>,
    /// Runs that are not encoded yet, in order.
    collected: Vec<(Extent, Bytes)>,
    /// Bytes of their records, once they were decoded.
    collected_bytes: Option<u64>,
    /// Why inputs after those that were added are not there.
    missing: Option<BuildFailure>,
    /// Inputs encoded completely.
    inputs: usize,
    /// Markers among the inputs that were not passed yet: index and end of each.
    markers: VecDeque<(usize, Offset)>,
    /// The aborted transactions that concern the inputs.
    aborted: Vec<AbortedTransaction>,
    /// Start of the first input.
    start: Offset,
    /// End of the last of those encoded.
    end: Offset,
}

/// The file of one compaction while it is built, or why building it failed.
pub(super) type BuilderResult = Result<FileBuilder, BuildFailure>;

/// What became of a compaction's inputs: the file may hold the first of them although a later one could not be read.
pub(super) struct Built {
    /// `None` if no input was added.
    pub(super) file: Option<FinishedFile>,
    /// How many of the compaction's inputs it replaces, from the first.
    pub(super) inputs: usize,
    pub(super) failure: Option<BuildFailure>,
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

/// Writes the records of a run from `log_start` on, without those of `aborted` transactions.
fn encode_run(
    writer: &mut HistoryWriter,
    log_start: Offset,
    aborted: &[AbortedTransaction],
    extent: &Extent,
    bytes: Bytes,
) -> Result<(), RewriteError> {
    let encoded = for_each_record(extent, bytes, aborted, |record| {
        if record.offset < log_start {
            return Ok(());
        }
        writer.push(&record).map_err(AddError::Write)
    });
    encoded.map_err(|error| match error {
        AddError::Run(error) => RewriteError::Run(extent.object, error),
        AddError::Write(error) => error.into(),
    })
}

impl FileBuilder {
    /// A file of `compaction`, up to about the target of `settings`; `collects` if others of its job are read at the same
    /// time.
    pub(super) fn new(compaction: &Compaction, settings: &RewriteSettings, collects: bool) -> Self {
        let start = compaction.offsets().start;
        let markers = compaction.inputs.iter().enumerate().filter(|(_, input)| input.is_marker());
        Self {
            topic: compaction.topic.clone(),
            partition: compaction.partition,
            log_start: compaction.log_start,
            bytes_target: settings.file_bytes_target,
            compression: settings.compression,
            collects,
            writer: None,
            collected: Vec::with_capacity(if collects { compaction.inputs.len() } else { 0 }),
            collected_bytes: None,
            missing: None,
            inputs: 0,
            markers: markers.map(|(index, input)| (index, input.offsets.end)).collect(),
            aborted: Vec::new(),
            start,
            end: start,
        }
    }

    /// This file without the records of `aborted` transactions.
    pub(crate) fn without(self, aborted: Vec<AbortedTransaction>) -> Self {
        Self { aborted, ..self }
    }

    /// Whether no more inputs should be added: the file has reached its target size, or an input is missing.
    pub(crate) fn is_closed(&self) -> bool {
        self.missing.is_some() || self.is_full()
    }

    fn is_full(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.bytes() >= self.bytes_target)
    }

    /// Notes that the next input could not be read: the file ends before it.
    pub(crate) fn close(&mut self, failure: BuildFailure) {
        self.missing = Some(failure);
    }

    /// Why the next input could not be read, if that `is_wanted`; the file must not be finished then.
    pub(crate) fn take_missing_if(&mut self, is_wanted: impl Fn(&BuildFailure) -> bool) -> Option<BuildFailure> {
        self.missing.take_if(|missing| is_wanted(missing))
    }

    /// Adds the run of `extent`, whose bytes are `bytes`. After an error the builder must be dropped.
    pub(crate) fn add_run(&mut self, extent: Extent, bytes: &Bytes) -> Result<(), BuildFailure> {
        if !self.collects {
            return self.encode_input(extent, bytes.clone());
        }
        // A copy, because `bytes` may be a small part of a buffer that would stay alive with it.
        self.collected.push((extent, Bytes::copy_from_slice(bytes)));
        Ok(())
    }

    /// Encodes the collected runs, until the file is full.
    fn encode_collected(&mut self) -> Result<(), BuildFailure> {
        for (extent, bytes) in std::mem::take(&mut self.collected) {
            if self.is_full() {
                break;
            }
            self.encode_input(extent, bytes)?;
        }
        Ok(())
    }

    fn encode_input(&mut self, extent: Extent, bytes: Bytes) -> Result<(), BuildFailure> {
        self.pass_markers();
        if let Err(error) = self.encode_run(&extent, bytes) {
            return Err(BuildFailure { error, input: Some(Box::new(extent)) });
        }
        self.finish_input(&extent);
        Ok(())
    }

    fn encode_run(&mut self, extent: &Extent, bytes: Bytes) -> Result<(), RewriteError> {
        let aborted = std::mem::take(&mut self.aborted);
        let log_start = self.log_start;
        let encoded = encode_run(self.writer()?, log_start, &aborted, extent, bytes);
        self.aborted = aborted;
        encoded
    }

    fn writer(&mut self) -> Result<&mut HistoryWriter, WriteError> {
        if self.writer.is_none() {
            self.writer = Some(HistoryWriter::new(&self.topic, self.partition, self.start, self.compression)?);
        }
        Ok(self.writer.as_mut().expect("it was made above"))
    }

    fn finish_input(&mut self, extent: &Extent) {
        self.inputs += 1;
        self.end = extent.offsets.end;
    }

    /// Passes the markers that come next: they hold no records.
    fn pass_markers(&mut self) {
        while let Some((_, end)) = self.markers.pop_front_if(|(index, _)| *index == self.inputs) {
            self.inputs += 1;
            self.end = end;
        }
    }

    fn into_writer(mut self) -> Result<HistoryWriter, WriteError> {
        self.writer()?;
        Ok(self.writer.take().expect("it was made above"))
    }

    /// Whether it collects runs, and there is no input before the first that is missing.
    pub(super) fn is_empty(&self) -> bool {
        self.collects && self.collected_inputs().0 == 0
    }

    /// How many inputs the collected runs are, with the markers among and after them, and where these end.
    fn collected_inputs(&self) -> (usize, Offset) {
        let (mut markers, mut runs) = (self.markers.iter().peekable(), self.collected.iter());
        let (mut inputs, mut end) = (self.inputs, self.end);
        loop {
            let marker = markers.next_if(|(index, _)| *index == inputs).map(|(_, end)| *end);
            let Some(next) = marker.or_else(|| runs.next().map(|(extent, _)| extent.offsets.end)) else {
                return (inputs, end);
            };
            (inputs, end) = (inputs + 1, next);
        }
    }

    /// What it will be of a shared file; `None` if it is a file of its own. Runs that may become such a part are decoded, so
    /// that none of them fails once others are written beside it.
    pub(super) fn small_part(&mut self, sharing: Sharing) -> Result<Option<Part>, BuildFailure> {
        let read = self.collected.iter().map(|(extent, _)| extent.bytes).fold(0, u64::saturating_add);
        let (inputs, _) = self.collected_inputs();
        if !self.collects || inputs == 0 || !sharing.is_small(read) {
            return Ok(None);
        }
        let bytes = match self.collected_bytes {
            Some(bytes) => bytes,
            None => self.decode_collected()?,
        };
        self.collected_bytes = Some(bytes);
        let part = Part { partition: self.partition, bytes, inputs };
        Ok(Some(part).filter(|part| sharing.fits(part)))
    }

    /// Decodes the runs that were collected. Returns the bytes of their records.
    fn decode_collected(&self) -> Result<u64, BuildFailure> {
        let mut bytes: u64 = 0;
        for (extent, run) in &self.collected {
            let decoded: Result<(), RunError> = for_each_record(extent, run.clone(), &self.aborted, |record| {
                bytes = bytes.saturating_add(u64::try_from(record.payload_bytes()).unwrap_or(u64::MAX));
                Ok(())
            });
            if let Err(error) = decoded {
                let error = RewriteError::Run(extent.object, error);
                return Err(BuildFailure { error, input: Some(Box::new(extent.clone())) });
            }
        }
        Ok(bytes)
    }

    /// Adds what was collected, which is `part`, to the shared file `before`, or to a new one. Returns the file, and why
    /// later inputs are missing.
    pub(super) fn write_shared(
        self,
        before: Option<SharedFile>,
        part: &Part,
    ) -> Result<(SharedFile, Option<BuildFailure>), RewriteError> {
        let (_, end) = self.collected_inputs();
        let mut file = SharedFile::begin(before, &self.topic, part, &(self.start..end), self.compression)?;
        for (extent, bytes) in self.collected {
            encode_run(&mut file.writer, self.log_start, &self.aborted, &extent, bytes)?;
        }
        Ok((file, self.missing))
    }

    /// The finished file of its own.
    pub(super) fn finish(mut self) -> Built {
        let failure = self.missing.take();
        match self.finish_file() {
            Ok(Some((file, inputs))) => Built { file: Some(file), inputs, failure },
            Ok(None) => Built { file: None, inputs: 0, failure },
            Err(failure) => Built { file: None, inputs: 0, failure: Some(failure) },
        }
    }

    fn finish_file(mut self) -> Result<Option<(FinishedFile, usize)>, BuildFailure> {
        self.encode_collected()?;
        self.pass_markers();
        if self.inputs == 0 {
            return Ok(None);
        }
        let (inputs, end) = (self.inputs, self.end);
        let file = self.into_writer().and_then(|writer| writer.finish(end));
        let file = file.map_err(|error| BuildFailure { error: error.into(), input: None })?;
        Ok(Some((file, inputs)))
    }
}
