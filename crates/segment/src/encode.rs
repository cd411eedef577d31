//! Encoding: from the batches of many partitions to the parts of one object.

use std::ops::Range;

use alluvium_model::{Timestamp, TopicPartition};
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};

use crate::layout::{HEADER_LEN, HEADER_MAGIC, TRAILER_MAGIC, VERSION};
use crate::{Footer, ProducerRun, Run};

/// The batches of one partition, in the order in which they join the log.
#[derive(Clone, Debug)]
pub struct RunInput {
    /// The partition of the batches.
    pub partition: TopicPartition,
    /// The partition's batches; at least one.
    pub batches: Vec<BatchInput>,
}

/// One batch, with the facts that its run's footer entry is made of.
#[derive(Clone, Debug)]
pub struct BatchInput {
    /// The batch's bytes in at most two slices (`alluvium_wire::batch::Batch::parts`).
    pub parts: [Bytes; 2],
    /// Counts, timestamps and sequences of the batch.
    pub facts: BatchFacts,
}

/// What the footer needs to know of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchFacts {
    /// Number of records in the batch.
    pub records: u32,
    /// Smallest and largest timestamp of its records.
    pub timestamps: (Timestamp, Timestamp),
    /// Its sequences, if its producer is idempotent.
    pub producer: Option<ProducerRun>,
}

/// A segment ready to upload.
#[derive(Clone, Debug)]
pub struct EncodedSegment {
    /// The object's bytes: header, batches, footer and trailer.
    pub parts: Vec<Bytes>,
    /// Size of the object in bytes.
    pub bytes: u64,
    /// The runs of the footer, sorted by partition.
    pub runs: Vec<Run>,
}

/// Why runs cannot be encoded as a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// There are no runs: nothing is ever flushed empty.
    #[error("a segment needs at least one run")]
    Empty,
    /// The run of this partition, or one of its batches, has no bytes: a reader could not find it.
    #[error("run of {0} is empty")]
    EmptyRun(TopicPartition),
    /// There are two runs of this partition; each partition has at most one.
    #[error("two runs of {0}")]
    Duplicate(TopicPartition),
}

/// Encodes a segment by `writer`, sealed at `created`. Runs may be in any order. Batch bytes are shared, not copied.
pub fn encode(writer: u32, created: Timestamp, mut runs: Vec<RunInput>) -> Result<EncodedSegment, EncodeError> {
    runs.sort_by_key(|run| run.partition);
    check(&runs)?;
    let mut parts = vec![header(writer)];
    let mut position = HEADER_LEN as u64;
    let mut encoded = Vec::with_capacity(runs.len());
    for input in runs {
        let run = append_run(&mut parts, position, input);
        position = run.position.end;
        encoded.push(run);
    }
    let footer = Footer { writer, created, runs: encoded };
    let tail = footer.encode();
    let bytes = position + tail.len() as u64;
    parts.push(tail);
    Ok(EncodedSegment { parts, bytes, runs: footer.runs })
}

fn check(runs: &[RunInput]) -> Result<(), EncodeError> {
    if runs.is_empty() {
        return Err(EncodeError::Empty);
    }
    if let Some(run) = runs.iter().find(|run| run.batches.is_empty() || run.batches.iter().any(BatchInput::is_empty)) {
        return Err(EncodeError::EmptyRun(run.partition));
    }
    let neighbours = runs.iter().zip(runs.iter().skip(1));
    match neighbours.into_iter().find(|(run, next)| run.partition == next.partition) {
        Some((run, _)) => Err(EncodeError::Duplicate(run.partition)),
        None => Ok(()),
    }
}

impl BatchInput {
    fn is_empty(&self) -> bool {
        self.parts.iter().all(Bytes::is_empty)
    }
}

fn header(writer: u32) -> Bytes {
    [HEADER_MAGIC.as_slice(), &VERSION.to_be_bytes(), &writer.to_be_bytes()].concat().into()
}

fn append_run(parts: &mut Vec<Bytes>, start: u64, input: RunInput) -> Run {
    let RunInput { partition, batches } = input;
    let mut run = Run {
        partition,
        position: Range { start, end: start },
        records: 0,
        batches: 0,
        timestamps: (Timestamp(i64::MAX), Timestamp(i64::MIN)),
        producers: Vec::new(),
        crc: 0,
    };
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    for batch in batches {
        for part in batch.parts.into_iter().filter(|part| !part.is_empty()) {
            digest.update(&part);
            run.position.end += part.len() as u64;
            parts.push(part);
        }
        run.count(batch.facts);
    }
    run.crc = crc32(digest.finalize());
    run
}

impl Run {
    fn count(&mut self, facts: BatchFacts) {
        self.batches += 1;
        self.records += u64::from(facts.records);
        self.timestamps.0 = self.timestamps.0.min(facts.timestamps.0);
        self.timestamps.1 = self.timestamps.1.max(facts.timestamps.1);
        match (self.producers.last_mut(), facts.producer) {
            (_, None) => {}
            (Some(last), Some(next)) if last.is_continued_by(&next) => last.last = next.last,
            (_, Some(next)) => self.producers.push(next),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.partition.topic.0.as_bytes());
        out.extend_from_slice(&self.partition.partition.0.to_be_bytes());
        out.extend_from_slice(&self.position.start.to_be_bytes());
        out.extend_from_slice(&self.position.end.to_be_bytes());
        out.extend_from_slice(&self.records.to_be_bytes());
        out.extend_from_slice(&self.batches.to_be_bytes());
        out.extend_from_slice(&self.timestamps.0.0.to_be_bytes());
        out.extend_from_slice(&self.timestamps.1.0.to_be_bytes());
        out.extend_from_slice(&self.crc.to_be_bytes());
        put_count(out, self.producers.len());
        for ProducerRun { id, epoch, first, last } in &self.producers {
            out.extend_from_slice(&id.0.to_be_bytes());
            out.extend_from_slice(&epoch.0.to_be_bytes());
            out.extend_from_slice(&first.0.to_be_bytes());
            out.extend_from_slice(&last.0.to_be_bytes());
        }
    }
}

impl Footer {
    /// The footer's bytes with the trailer after them: the end of the object.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        out.extend_from_slice(&self.writer.to_be_bytes());
        out.extend_from_slice(&self.created.0.to_be_bytes());
        put_count(&mut out, self.runs.len());
        for run in &self.runs {
            run.encode(&mut out);
        }
        let len = out.len() as u64;
        let crc = checksum(&out);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&crc.to_be_bytes());
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(TRAILER_MAGIC);
        out.into()
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("a segment of a few MiB has fewer than 2^32 of anything");
    out.extend_from_slice(&count.to_be_bytes());
}

/// CRC-32C of `bytes`.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    crc32(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes))
}

#[expect(clippy::cast_possible_truncation, reason = "a 32-bit CRC is handed out in the low half of 64 bits")]
fn crc32(crc: u64) -> u32 {
    crc as u32
}
