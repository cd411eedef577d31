//! The records of one history file's partition, a chunk at a time.

use alluvium_history::{HistoryFile, HistoryRecord, RangedRead, ReadError};
use alluvium_model::{Extent, ObjectId, Offset, TopicPartition};

use super::error::RewriteError;

/// Payload read and written at a time.
const CHUNK_BYTES: usize = 8 << 20;

/// The records of an input that is a history file, or a part of one.
pub(super) struct InputRecords {
    source: Box<dyn RangedRead>,
    file: HistoryFile,
    object: ObjectId,
    next: Offset,
}

impl InputRecords {
    /// Those of `input` of `partition`, which `file` must hold. Its bytes are read from `source`.
    pub(super) fn of(
        file: &HistoryFile,
        source: Box<dyn RangedRead>,
        partition: TopicPartition,
        input: &Extent,
    ) -> Result<Self, RewriteError> {
        let file = part_of(file, partition, input)?;
        Ok(Self { source, file, object: input.object, next: input.offsets.start })
    }

    /// The next records; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<HistoryRecord>>, RewriteError> {
        let error = |error| RewriteError::Read(self.object, error);
        let records = self.file.records(&*self.source, self.next, CHUNK_BYTES).await.map_err(error)?;
        let Some(last) = records.last() else { return Ok(None) };
        if last.offset < self.next {
            return Err(error(ReadError::Corrupt("offsets do not rise".to_owned())));
        }
        self.next = last.offset.plus(1);
        Ok(Some(records))
    }
}

/// What `file` holds of `partition`, which must be the offsets of `input`.
pub(super) fn part_of(
    file: &HistoryFile,
    partition: TopicPartition,
    input: &Extent,
) -> Result<HistoryFile, RewriteError> {
    let missing = || RewriteError::Read(input.object, ReadError::Corrupt(format!("holds {}", file.contents())));
    file.holding(partition, &input.offsets).ok_or_else(missing)
}
