//! Reads history files into one history file.

use alluvium_history::{HistoryFile, HistoryRecord, compute};
use alluvium_model::{Extent, object_key};

use super::error::{BuildFailure, RewriteError};
use super::file_builder::{BuilderResult, FileBuilder};
use super::input_records::InputRecords;
use super::rewriter::Rewriter;
use super::source::ObjectSource;
use crate::plan::Compaction;

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
        let key = object_key::of_extent(&compaction.topic, compaction.partition, input);
        let source = ObjectSource::new(self.objects.clone(), key, input.file_bytes());
        let opened = HistoryFile::open(&source).await;
        let file = opened.map_err(|error| RewriteError::Read(input.object, error))?;
        let mut records = InputRecords::of(&file, Box::new(source), compaction.partition, input)?;
        while let Some(records) = records.next().await? {
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
