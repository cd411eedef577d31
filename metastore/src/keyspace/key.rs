//! Keys: fixed-width big-endian parts, so that keys sort as the things that they name do.

use alluvium_model::{ObjectId, Offset, ProducerId, Timestamp, TopicId, TopicPartition, group::GroupId};

use super::{error::RowError, row::RowReader, tag::Tag};

/// A key under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key that begins with `tag`; without further parts it is the prefix of all keys of the tag.
    #[must_use]
    pub fn new(tag: Tag) -> Self {
        let mut bytes = Vec::with_capacity(32);
        bytes.push(tag.0);
        Self(bytes)
    }

    /// Appends bytes as they are. Only parts of fixed width, or the last part: otherwise one key could be the prefix of
    /// another.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends a topic id: 16 bytes.
    #[must_use]
    pub fn topic(self, topic: TopicId) -> Self {
        self.raw(topic.0.as_bytes())
    }

    /// Appends a topic id and a partition number: 20 bytes.
    #[must_use]
    pub fn partition(self, partition: TopicPartition) -> Self {
        self.topic(partition.topic).raw(&partition.partition.0.to_be_bytes())
    }

    /// Appends an offset: 8 bytes; an offset below 0 sorts as 0.
    #[must_use]
    pub fn offset(self, offset: Offset) -> Self {
        self.raw(&offset.0.max(0).to_be_bytes())
    }

    /// Appends a time in milliseconds: 8 bytes; a time before 1970 sorts as 1970.
    #[must_use]
    pub fn time(self, time: Timestamp) -> Self {
        self.raw(&time.0.max(0).to_be_bytes())
    }

    /// Appends a producer id: 8 bytes.
    #[must_use]
    pub fn producer(self, producer: ProducerId) -> Self {
        self.raw(&producer.0.to_be_bytes())
    }

    /// Appends an object id: 16 bytes.
    #[must_use]
    pub fn object(self, object: ObjectId) -> Self {
        self.raw(&object.0)
    }

    /// Appends the number of a chunk: 2 bytes.
    #[must_use]
    pub fn chunk(self, number: u16) -> Self {
        self.raw(&number.to_be_bytes())
    }

    /// Appends a group id: its length in 2 bytes, then its text. The length comes first, so that no key of one group
    /// lies among the keys of another.
    #[must_use]
    pub fn group(self, group: &GroupId) -> Self {
        let length = u16::try_from(group.as_str().len()).expect("group ids are bounded");
        self.raw(&length.to_be_bytes()).raw(group.as_str().as_bytes())
    }

    /// The bytes of the key.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what [`Key::group`] appended.
pub(crate) fn read_group(reader: &mut RowReader<'_>) -> Result<GroupId, RowError> {
    let length = u16::from_be_bytes(reader.array()?);
    let text = std::str::from_utf8(reader.raw(usize::from(length))?).ok().and_then(GroupId::new);
    text.ok_or_else(|| reader.malformed("group id"))
}
