//! The simple model: every record by its offset, every object by the records in it.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_model::{
    Extent, ExtentSource, ObjectId, Offset, ProducerId, Timestamp, TopicPartition,
    log::{BatchAck, BatchCommit, BatchRejection, RunOutcome, SegmentCommit, SegmentOutcome},
};

use crate::producers::Written;

/// The identity of a record: the object in which it was uploaded, the position of its batch there, its number in the
/// batch.
pub type Record = (ObjectId, u64, u32);

/// The expected state of one partition.
#[derive(Clone, Debug, Default)]
pub struct Partition {
    /// The record at each offset from 0 on, including those that were trimmed.
    pub records: Vec<Record>,
    /// The log start offset.
    pub start: i64,
    /// The batches of each idempotent producer.
    pub producers: BTreeMap<ProducerId, Written>,
}

/// The expected state of the whole metastore.
#[derive(Debug, Default)]
pub struct Model {
    /// The partitions of live topics.
    pub partitions: BTreeMap<TopicPartition, Partition>,
    /// The content of each uploaded segment.
    pub segments: BTreeMap<ObjectId, SegmentCommit>,
    /// The records of each history file, by offset.
    pub histories: BTreeMap<ObjectId, BTreeMap<i64, Record>>,
    /// Objects that the metastore knows and that were not deleted since.
    pub objects: BTreeSet<ObjectId>,
}

impl Model {
    /// Appends a segment and returns the outcome that its commit must have.
    pub fn commit(&mut self, segment: &SegmentCommit, is_late: bool, now: Timestamp) -> SegmentOutcome {
        self.segments.insert(segment.object, segment.clone());
        if !is_late {
            self.objects.insert(segment.object);
        }
        let rejected = |run: &alluvium_model::log::RunCommit, rejection| RunOutcome {
            partition: run.partition,
            start: Offset(-1),
            batches: vec![Err(rejection); run.batches.len()],
        };
        let runs = segment.runs.iter().map(|run| {
            if is_late {
                return rejected(run, BatchRejection::SegmentTooOld { created: segment.object.created(), now });
            }
            let Some(partition) = self.partitions.get_mut(&run.partition) else {
                return rejected(run, BatchRejection::UnknownPartition);
            };
            let mut position = run.position.start;
            let batches = run.batches.iter().map(|batch| {
                let at = position;
                position += u64::from(batch.bytes);
                partition.append(segment.object, at, batch)
            });
            let batches = batches.collect();
            RunOutcome { partition: run.partition, start: Offset(partition.start), batches }
        });
        SegmentOutcome { runs: runs.collect() }
    }

    /// The records of an extent by their offsets.
    pub fn read(&self, partition: TopicPartition, extent: &Extent) -> BTreeMap<i64, Record> {
        assert!(self.objects.contains(&extent.object), "an extent points at a deleted object");
        match &extent.source {
            ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } => {
                let records = self.histories[&extent.object].range(extent.offsets.start.0..extent.offsets.end.0);
                records.map(|(offset, record)| (*offset, *record)).collect()
            }
            ExtentSource::Marker { .. } => BTreeMap::new(),
            ExtentSource::Segment { position, rejected } => {
                let segment = &self.segments[&extent.object];
                let run = segment.runs.iter().find(|run| run.partition == partition && run.position == *position);
                let mut at = position.start;
                let mut offset = extent.offsets.start.0;
                let mut records = BTreeMap::new();
                for (number, batch) in (0u32..).zip(&run.expect("the run is in its segment").batches) {
                    if !rejected.contains(&number) {
                        for record in 0..batch.records {
                            records.insert(offset, (extent.object, at, record));
                            offset += 1;
                        }
                    }
                    at += u64::from(batch.bytes);
                }
                records
            }
        }
    }
}

impl Partition {
    fn append(&mut self, object: ObjectId, at: u64, batch: &BatchCommit) -> Result<BatchAck, BatchRejection> {
        let base = Offset(self.records.len() as i64);
        let timestamp = batch.timestamps.1;
        if let Some(sent) = &batch.producer {
            let written = self.producers.entry(sent.id).or_default();
            if let Some(answer) = written.answer(sent) {
                return answer;
            }
            written.append(*sent, base, timestamp);
        }
        self.records.extend((0..batch.records).map(|record| (object, at, record)));
        Ok(BatchAck { base, duplicate: false, timestamp })
    }
}
