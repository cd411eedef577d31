//! The identities of the partitions of a file: topic, partition and offsets, encoded as Parquet key-value metadata.

use std::ops::Range;

use alluvium_model::{Offset, PartitionIndex, TopicId, TopicPartition};
use parquet::file::metadata::FileMetaData;

use crate::ReadError;
use crate::schema::{FormatVersion, key};

/// Topic, partition and offsets of a file, or of one of its partitions, from the file's own metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// The topic's name when the file was written.
    pub topic: String,
    /// The partition of the records.
    pub partition: TopicPartition,
    /// The offsets that the file covers in this partition; not every one of them has a record.
    pub offsets: Range<Offset>,
}

impl FileIdentity {
    /// Key-value metadata of a file of `partitions`, which are of one topic and rising, the format version included.
    pub(crate) fn to_metadata(partitions: &[Self]) -> Vec<(&'static str, String)> {
        let Some(first) = partitions.first() else { return Vec::new() };
        let entry = |of: &Self| format!("{}:{}-{}", of.partition.partition, of.offsets.start, of.offsets.end);
        vec![
            (key::FORMAT_VERSION, FormatVersion::Two.number().to_string()),
            (key::TOPIC, first.topic.clone()),
            (key::TOPIC_ID, first.partition.topic.to_string()),
            (key::PARTITIONS, partitions.iter().map(entry).collect::<Vec<_>>().join(",")),
        ]
    }

    /// The reverse of [`Self::to_metadata`], for a file whose checksums say that it is of `version`; also of version 1.
    pub(crate) fn from_metadata(version: FormatVersion, file: &FileMetaData) -> Result<Vec<Self>, ReadError> {
        let text = |key: &str| {
            let entry = file.key_value_metadata()?.iter().find(|entry| entry.key == key)?;
            entry.value.as_deref()
        };
        match text(key::FORMAT_VERSION) {
            None => return Err(ReadError::corrupt("no format version")),
            Some(found) if found.parse() == Ok(version.number()) => {}
            Some(found) => return Err(ReadError::Version(found.to_owned())),
        }
        let parse = || {
            let partitions = match version {
                FormatVersion::One => {
                    vec![parse_partition(text(key::PARTITION)?, text(key::START_OFFSET)?, text(key::END_OFFSET)?)?]
                }
                FormatVersion::Two => text(key::PARTITIONS)?.split(',').map(parse_entry).collect::<Option<Vec<_>>>()?,
            };
            let is_rising = partitions.iter().is_sorted_by(|(before, _), (after, _)| before < after);
            let topic_id = TopicId(text(key::TOPIC_ID)?.parse().ok()?);
            let topic = text(key::TOPIC)?;
            let identity = |(partition, offsets)| Self {
                topic: topic.to_owned(),
                partition: TopicPartition::new(topic_id, partition),
                offsets,
            };
            is_rising.then(|| partitions.into_iter().map(identity).collect())
        };
        parse().ok_or_else(|| ReadError::corrupt("metadata is incomplete"))
    }
}

/// Parses `<partition>:<start offset>-<end offset>`.
fn parse_entry(entry: &str) -> Option<(PartitionIndex, Range<Offset>)> {
    let (partition, offsets) = entry.split_once(':')?;
    let (start, end) = offsets.split_once('-')?;
    parse_partition(partition, start, end)
}

fn parse_partition(partition: &str, start: &str, end: &str) -> Option<(PartitionIndex, Range<Offset>)> {
    let offsets = Offset(start.parse().ok()?)..Offset(end.parse().ok()?);
    (Offset(0) <= offsets.start && offsets.start <= offsets.end)
        .then(|| Some((PartitionIndex(partition.parse().ok()?), offsets)))?
}
