//! History files to one history file.

use alluvium_history::{HistoryFile, HistoryRecord, ReadError, compute};
use alluvium_metastore::leases::Lease;
use alluvium_model::{Extent, object_key};

use super::segments::{Done, Failed, Rewriter};
use super::source::ObjectSource;
use super::strand::Strand;
use crate::error::RewriteError;
use crate::plan::Work;

/// Payload read and written at a time.
const CHUNK_BYTES: usize = 8 << 20;

impl Rewriter {
    pub(super) async fn merge(&self, work: &Work, lease: &Lease, done: &mut Done) {
        let mut strand = self.strand(work);
        for input in &work.inputs {
            strand = match strand {
                Ok(strand) => self.copy(work, input, strand).await,
                failed => failed,
            };
        }
        self.complete(work, lease, strand, done).await;
    }

    /// Copies all records of one file.
    async fn copy(&self, work: &Work, input: &Extent, strand: Strand) -> Result<Strand, Failed> {
        let copied = self.copy_records(work, input, strand).await;
        copied.map_err(|error| Failed { error, input: Some(Box::new(input.clone())) })
    }

    async fn copy_records(&self, work: &Work, input: &Extent, mut strand: Strand) -> Result<Strand, RewriteError> {
        let key = object_key::history(&work.topic, work.partition, input.offsets.start, input.object);
        let source = ObjectSource::new(self.objects.clone(), key, input.bytes);
        let read_error = |error| RewriteError::Read(input.object, error);
        let file = HistoryFile::open(&source).await.map_err(read_error)?;
        let identity = file.identity();
        if identity.partition != work.partition || identity.offsets != input.offsets {
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
            strand = push(strand, records).await?;
        }
        strand.close(input);
        Ok(strand)
    }
}

async fn push(mut strand: Strand, records: Vec<HistoryRecord>) -> Result<Strand, RewriteError> {
    compute(move || {
        strand.take_records(&records)?;
        Ok(strand)
    })
    .await?
}
