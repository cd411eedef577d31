//! Visits the batches of what was loaded for one extent, in order and with their offsets.

use std::ops::ControlFlow;
use std::sync::Arc;

use alluvium_model::{Extent, ExtentSource, Offset};
use alluvium_wire::batch::{Batch, BatchError};
use bytes::Bytes;

use super::LoadError;
use super::cache::Chunk;
use super::offset_assignment::{AssignOffsets, OffsetBatch};

/// Called with batches in order; breaks off when the caller has enough.
pub type BatchVisitor<'a> = &'a mut (dyn FnMut(OffsetBatch) -> Result<ControlFlow<()>, LoadError> + Send);

/// What was loaded for an extent.
pub enum LoadedBatches {
    /// This agent's own batches, in memory since it checked them.
    Run(Arc<[Batch]>),
    /// The bytes of a run from an object. Their checksums are not verified yet.
    Bytes(Bytes),
    /// Decoded history, from the requested offset or from before it.
    Chunk(Chunk),
}

impl LoadedBatches {
    /// Calls `visit` with the batches of `extent` that hold `at` or later offsets. Returns the first offset after them.
    pub fn visit(
        &self,
        extent: &Extent,
        at: Offset,
        visit: BatchVisitor<'_>,
    ) -> Result<ControlFlow<(), Offset>, LoadError> {
        let rejected = match &extent.source {
            ExtentSource::Segment { rejected, .. } => rejected.as_slice(),
            ExtentSource::History { .. } => &[],
        };
        match self {
            Self::Run(batches) => {
                let batches = AssignOffsets::new(extent, rejected, batches.iter().cloned().map(Ok));
                visit_all(batches, Checksums::Verified, at, visit)
            }
            Self::Bytes(bytes) => {
                let batches = AssignOffsets::new(extent, rejected, ParsedBatches(bytes.clone()));
                visit_all(batches, Checksums::Unverified, at, visit)
            }
            Self::Chunk(chunk) => {
                let batches = chunk.batches.iter().cloned().map(OffsetBatch::from_header).map(Ok);
                visit_all(batches, Checksums::Verified, at, visit)
            }
        }
    }
}

/// Whether checksums have been verified since the bytes entered memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checksums {
    Verified,
    Unverified,
}

fn visit_all(
    batches: impl Iterator<Item = Result<OffsetBatch, LoadError>>,
    checksums: Checksums,
    at: Offset,
    visit: BatchVisitor<'_>,
) -> Result<ControlFlow<(), Offset>, LoadError> {
    let mut next = at;
    for batch in batches {
        let batch = batch?;
        if batch.end <= at {
            continue;
        }
        if checksums == Checksums::Unverified {
            batch.batch.verify_crc()?;
        }
        next = batch.end;
        if visit(batch)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(next))
}

/// Parses batches that lie back to back; verifies their headers but not their checksums.
struct ParsedBatches(Bytes);

impl Iterator for ParsedBatches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let batch = Batch::parse(&mut self.0);
        if batch.is_err() {
            self.0 = Bytes::new();
        }
        Some(batch)
    }
}
