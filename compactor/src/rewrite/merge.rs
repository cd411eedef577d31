//! Reads history files into one history file.

use alluvium_history::{HistoryFile, HistoryRecord, ReadError, compute};
use alluvium_model::{Extent, object_key};

use super::error::{BuildFailure, RewriteError};
use super::file_builder::FileBuilder;
use super::rewriter::{BuilderResult, Rewriter};
use super::source::ObjectSource;
use crate::plan::Compaction;

/// Payload read and written at a time.
const CHUNK_BYTES: usize = 8 << 20;

impl Rewriter {
    /// Adds the inputs of `compaction`, all history files, to its file.
    pub(super) async fn read_history_files(&self, compaction: &Compaction) -> BuilderResult {
        let mut builder = FileBuilder::new(compaction, self.settings.file_bytes_target, false);
        for input in &compaction.inputs {
            let copied = self.copy_records(compaction, input, builder).await;
            builder = copied.map_err(|error| BuildFailure { error, input: Some(Box::new(input.clone())) })?;
        }
        Ok(builder)
    }

    /// Copies all records of one file.
    async fn copy_records(
        &self,
        compaction: &Compaction,
        input: &Extent,
        mut builder: FileBuilder,
    ) -> Result<FileBuilder, RewriteError> {
        let key = object_key::history(&compaction.topic, compaction.partition, input.offsets.start, input.object);
        let source = ObjectSource::new(self.objects.clone(), key, input.bytes);
        let read_error = |error| RewriteError::Read(input.object, error);
        let file = HistoryFile::open(&source).await.map_err(read_error)?;
        let identity = file.identity();
        if identity.partition != compaction.partition || identity.offsets != input.offsets {
            let found = format!("holds {} {:?}", identity.partition, identity.offsets);
            return Err(read_error(ReadError::Corrupt(found)));
        }
        let mut next = input.offsets.start;
        loop {
            let records = file.records(&source, next, CHUNK_BYTES).await.map_err(read_error)?;
            let Some(last) = records.last() else { break };
            if last.offset < next {
                return Err(read_error(ReadError::Corrupt("offsets do not rise".to_owned())));
            }
            next = last.offset.plus(1);
            builder = add_records(builder, records).await?;
        }
        builder.finish_input(input);
        Ok(builder)
    }
}

async fn add_records(mut builder: FileBuilder, records: Vec<HistoryRecord>) -> Result<FileBuilder, RewriteError> {
    compute(move || {
        builder.add_records(&records)?;
        Ok(builder)
    })
    .await?
}
