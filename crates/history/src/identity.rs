//! The identity of a file: its topic, partition and offsets, encoded as Parquet key-value metadata.

use std::ops::Range;

use alluvium_model::{Offset, PartitionIndex, TopicId, TopicPartition};
use parquet::file::metadata::FileMetaData;

use crate::ReadError;
use crate::schema::{FORMAT_VERSION, key};

/// The topic, partition and offsets of a file, from its own metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// The topic's name when the file was written.
    pub topic: String,
    /// The partition of all records.
    pub partition: TopicPartition,
    /// The offsets that the file covers; not every one of them has a record.
    pub offsets: Range<Offset>,
}

impl FileIdentity {
    /// Key-value metadata of the file, the format version included.
    pub(crate) fn to_metadata(&self) -> [(&'static str, String); 6] {
        let TopicPartition { topic, partition } = self.partition;
        [
            (key::FORMAT_VERSION, FORMAT_VERSION.to_string()),
            (key::TOPIC, self.topic.clone()),
            (key::TOPIC_ID, topic.to_string()),
            (key::PARTITION, partition.to_string()),
            (key::START_OFFSET, self.offsets.start.to_string()),
            (key::END_OFFSET, self.offsets.end.to_string()),
        ]
    }

    /// The reverse of [`Self::to_metadata`].
    pub(crate) fn from_metadata(file: &FileMetaData) -> Result<Self, ReadError> {
        let text = |key: &str| {
            let entry = file.key_value_metadata()?.iter().find(|entry| entry.key == key)?;
            entry.value.as_deref()
        };
        match text(key::FORMAT_VERSION) {
            None => return Err(ReadError::corrupt("no format version")),
            Some(version) if version.parse() == Ok(FORMAT_VERSION) => {}
            Some(version) => return Err(ReadError::Version(version.to_owned())),
        }
        let offset = |key| text(key).and_then(|offset| offset.parse().ok()).map(Offset);
        let parse = || {
            let topic_id = TopicId(text(key::TOPIC_ID)?.parse().ok()?);
            let partition = PartitionIndex(text(key::PARTITION)?.parse().ok()?);
            let (start, end) = (offset(key::START_OFFSET)?, offset(key::END_OFFSET)?);
            (Offset(0) <= start && start <= end).then_some(Self {
                topic: text(key::TOPIC)?.to_owned(),
                partition: TopicPartition::new(topic_id, partition),
                offsets: start..end,
            })
        };
        parse().ok_or_else(|| ReadError::corrupt("metadata is incomplete"))
    }
}
