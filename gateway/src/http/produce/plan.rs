//! Which partition and which batch each record goes to: pure.

use std::collections::BTreeMap;
use std::ops::Range;

use alluvium_model::{Timestamp, TopicPartition};
use alluvium_wire::batch::{BatchBuilder, Compression, RecordFaultReason};

use super::super::error::HttpError;
use super::super::partitioner::partition_of;
use super::body::NewRecord;
use crate::metadata_cache::CachedTopic;
use crate::produce::PartitionAppend;
use crate::produce::validation::{InvalidBatch, ProduceRules, validate};

/// The version of Kafka's Produce whose rules batches are validated by; there are no transactions.
const PRODUCE_RULES: ProduceRules = ProduceRules { version: 13, has_transactional_id: false };
/// Upper bound in bytes of what a record takes in a batch beside its key, value and headers.
const RECORD_OVERHEAD: usize = 40;
/// Upper bound in bytes of what a header takes beside its name and value.
const HEADER_OVERHEAD: usize = 12;

/// The validated batches to append.
#[derive(Debug)]
pub struct Plan {
    /// The batches.
    pub appends: Vec<PartitionAppend>,
    /// For each record of the request, in order, its batch and its position in that batch.
    pub positions: Vec<RecordPosition>,
}

/// The position of a record in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPosition {
    /// Index of its batch among the appends.
    pub append: usize,
    /// Number of records of that batch before it.
    pub index: i64,
}

/// The partition of records that do not name one.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// This partition for all of them.
    Partition(TopicPartition),
    /// Chosen by key; records without a key go to one partition chosen by `random`.
    Topic { random: u64 },
}

/// Chooses every record's partition, and builds batches no larger than the topic's `max.message.bytes`.
pub fn plan(topic: &CachedTopic, target: Target, records: &[NewRecord], now: Timestamp) -> Result<Plan, HttpError> {
    let mut by_partition: BTreeMap<TopicPartition, Vec<usize>> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        by_partition.entry(partition(topic, target, index, record)?).or_default().push(index);
    }
    let mut plan = Plan { appends: Vec::new(), positions: vec![RecordPosition { append: 0, index: 0 }; records.len()] };
    for (partition, members) in by_partition {
        for range in batches(topic.configs.max_message_bytes, &members, records) {
            let members = members.get(range).unwrap_or_default();
            let batch = build(members, records, now)?;
            let batch = validate(Some(batch), &topic.configs, PRODUCE_RULES, now)
                .map_err(|invalid| rejected(&invalid, members, records))?;
            for (index, member) in (0..).zip(members) {
                if let Some(position) = plan.positions.get_mut(*member) {
                    *position = RecordPosition { append: plan.appends.len(), index };
                }
            }
            plan.appends.push(PartitionAppend { partition, batch, transactional: None });
        }
    }
    Ok(plan)
}

fn partition(
    topic: &CachedTopic,
    target: Target,
    index: usize,
    record: &NewRecord,
) -> Result<TopicPartition, HttpError> {
    let wanted = match (target, record.partition) {
        (Target::Partition(partition), None) => return Ok(partition),
        (Target::Partition(partition), Some(named)) if named == partition.partition.0 => return Ok(partition),
        (Target::Partition(_), Some(named)) => {
            return Err(HttpError::unprocessable(format!(
                "records[{index}]: partition {named} is not that of the path"
            )));
        }
        (Target::Topic { .. }, Some(named)) => named,
        (Target::Topic { random }, None) => match &record.key {
            Some(key) => partition_of(key, topic.topic.partitions),
            None => at_random(random, topic.topic.partitions),
        },
    };
    topic.partition(wanted).ok_or_else(HttpError::partition_not_found)
}

fn at_random(random: u64, partitions: i32) -> i32 {
    let partitions = u64::from(partitions.max(1).unsigned_abs());
    i32::try_from(random % partitions).unwrap_or(0)
}

/// Cuts `members` into ranges, each of one record or of no more than `bytes_max` bytes.
fn batches(bytes_max: usize, members: &[usize], records: &[NewRecord]) -> Vec<Range<usize>> {
    let header = alluvium_wire::batch::BatchHeader::LEN;
    let (mut ranges, mut start, mut bytes) = (Vec::new(), 0, header);
    for (at, member) in members.iter().enumerate() {
        let size = records.get(*member).map_or(0, size_max);
        if at > start && bytes + size > bytes_max {
            ranges.push(start..at);
            (start, bytes) = (at, header);
        }
        bytes += size;
    }
    ranges.push(start..members.len());
    ranges
}

/// Upper bound of the bytes that the record takes in a batch.
fn size_max(record: &NewRecord) -> usize {
    let field = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let header = |(name, value): &(String, Option<Vec<u8>>)| name.len() + field(value) + HEADER_OVERHEAD;
    RECORD_OVERHEAD + field(&record.key) + field(&record.value) + record.headers.iter().map(header).sum::<usize>()
}

fn build(members: &[usize], records: &[NewRecord], now: Timestamp) -> Result<bytes::Bytes, HttpError> {
    let mut builder = BatchBuilder::new(Compression::None, 0);
    let members = members.iter().filter_map(|member| records.get(*member));
    for (offset, record) in (0..).zip(members) {
        let headers = record.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref()));
        let timestamp = record.timestamp.unwrap_or(now.0);
        builder
            .push(offset, timestamp, record.key.as_deref(), record.value.as_deref(), headers)
            .map_err(|error| HttpError::unprocessable(error.to_string()))?;
    }
    Ok(builder.finish())
}

/// Why a batch of `members` is rejected, naming the record at fault if there is one.
fn rejected(invalid: &InvalidBatch, members: &[usize], records: &[NewRecord]) -> HttpError {
    let first = members.first().copied().unwrap_or_default();
    match invalid {
        InvalidBatch::TooLarge { .. } => HttpError::new(413, format!("records[{first}]: {invalid}")),
        InvalidBatch::Timestamp(faults) | InvalidBatch::Records(faults) => {
            let Some(fault) = faults.first() else { return HttpError::unprocessable(invalid.to_string()) };
            let by_index = usize::try_from(fault.index).ok().and_then(|index| members.get(index)).copied();
            // A batch's header says which timestamp is at fault, but not which record has it.
            let record = match fault.reason {
                RecordFaultReason::Timestamp { timestamp } => members
                    .iter()
                    .copied()
                    .find(|member| records.get(*member).is_some_and(|record| record.timestamp == Some(timestamp))),
                RecordFaultReason::KeyMissing => by_index,
            };
            HttpError::unprocessable(format!("records[{}]: {}", record.or(by_index).unwrap_or(first), fault.reason))
        }
        InvalidBatch::Batch(_)
        | InvalidBatch::BaseOffset(_)
        | InvalidBatch::NoTransactionalId
        | InvalidBatch::NoProducer => HttpError::unprocessable(invalid.to_string()),
    }
}
