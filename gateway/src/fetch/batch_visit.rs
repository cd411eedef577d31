//! Visits the batches of what was loaded for one extent, in order and with their offsets.

use std::ops::ControlFlow;
use std::sync::Arc;

use alluvium_model::{Extent, ExtentSource, Offset};
use alluvium_wire::batch::{Batch, BatchError};
use bytes::Bytes;

use super::LoadError;
use super::cache::Chunk;
use super::offset_assignment::{AssignOffsets, OffsetBatch};

/// Called with batches in order.
pub type BatchVisitor<'a> = &'a mut (dyn VisitBatches + Send);

/// What is done with batches.
pub trait VisitBatches {
    /// The next batch; breaks off when there is enough.
    fn visit(&mut self, batch: OffsetBatch) -> Result<ControlFlow<()>, LoadError>;

    /// The batches visited since the last call, or since the first one, are parts of a block of `bytes` in memory,
    /// which each of them keeps alive.
    fn end_block(&mut self, _bytes: usize) {}
}

impl<F: FnMut(OffsetBatch) -> Result<ControlFlow<()>, LoadError>> VisitBatches for F {
    fn visit(&mut self, batch: OffsetBatch) -> Result<ControlFlow<()>, LoadError> {
        self(batch)
    }
}

/// What was loaded for an extent.
pub enum LoadedBatches {
    /// This agent's own batches, in memory since it checked them.
    Run(Arc<[Batch]>),
    /// The bytes of a run from an object. Their checksums are not verified yet. At the tail they may be part of a whole
    /// segment, which the tail cache accounts for.
    Bytes(Bytes),
    /// The control batch of a marker.
    Marker(Batch),
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
            ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } | ExtentSource::Marker { .. } => &[],
        };
        let visited = match self {
            Self::Run(batches) => {
                let batches = AssignOffsets::new(extent, rejected, batches.iter().cloned().map(Ok));
                visit_all(batches, Checksums::Verified, at, &mut *visit)
            }
            Self::Bytes(bytes) => {
                let batches = AssignOffsets::new(extent, rejected, ParsedBatches(bytes.clone()));
                visit_all(batches, Checksums::Unverified, at, &mut *visit)
            }
            Self::Marker(batch) => {
                let batch = OffsetBatch { base: extent.offsets.start, end: extent.offsets.end, batch: batch.clone() };
                visit_all(std::iter::once(Ok(batch)), Checksums::Verified, at, &mut *visit)
            }
            Self::Chunk(chunk) => {
                let batches = chunk.batches.iter().cloned().map(OffsetBatch::from_header).map(Ok);
                visit_all(batches, Checksums::Verified, at, &mut *visit)
            }
        };
        if let Self::Bytes(bytes) = self {
            visit.end_block(bytes.len());
        }
        visited
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
        if visit.visit(batch)?.is_break() {
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
