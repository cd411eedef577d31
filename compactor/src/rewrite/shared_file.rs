//! A history file that takes the parts of one partition after the other.

use std::ops::Range;

use alluvium_history::{FinishedFile, HistoryCompression, HistoryWriter, WriteError};
use alluvium_model::Offset;

use crate::plan::Part;

/// A file that small partitions share, while it is written. It has at least one part.
pub(super) struct SharedFile {
    pub(super) writer: HistoryWriter,
    written: Part,
    /// Where the last part ends.
    end: Offset,
}

impl SharedFile {
    /// Goes on with `part`, whose offsets are `offsets`: in the file `before`, or in a new one of the topic `topic`. The
    /// records of the part follow.
    pub(super) fn begin(
        before: Option<Self>,
        topic: &str,
        part: &Part,
        offsets: &Range<Offset>,
        compression: HistoryCompression,
    ) -> Result<Self, WriteError> {
        let Part { partition, inputs, .. } = *part;
        let (writer, inputs) = match before {
            None => (HistoryWriter::new(topic, partition, offsets.start, compression)?, inputs),
            Some(Self { mut writer, written, end }) => {
                writer.next_partition(end, partition.partition, offsets.start)?;
                (writer, written.inputs + inputs)
            }
        };
        Ok(Self { writer, written: Part { partition, bytes: 0, inputs }, end: offsets.end })
    }

    /// What was written so far.
    pub(super) fn written(&self) -> Part {
        Part { bytes: self.writer.bytes(), ..self.written }
    }

    /// The finished file.
    pub(super) fn finish(self) -> Result<FinishedFile, WriteError> {
        self.writer.finish(self.end)
    }
}
