//! Keys: fixed-width big-endian parts, so that their order is the order of what they name.

use alluvium_model::{ObjectId, Offset, ProducerId, Timestamp, TopicId, TopicPartition};

use super::Tag;

/// A key in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key of `tag`; alone, also the prefix of all of them.
    #[must_use]
    pub fn new(tag: Tag) -> Self {
        let mut bytes = Vec::with_capacity(32);
        bytes.push(tag.0);
        Self(bytes)
    }

    /// Appends bytes as they are: only parts of fixed width, or the last part.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends 16 bytes.
    #[must_use]
    pub fn topic(self, topic: TopicId) -> Self {
        self.raw(topic.0.as_bytes())
    }

    /// Appends 20 bytes.
    #[must_use]
    pub fn partition(self, partition: TopicPartition) -> Self {
        self.topic(partition.topic).raw(&partition.partition.0.to_be_bytes())
    }

    /// Appends 8 bytes; an offset below 0 sorts as 0.
    #[must_use]
    pub fn offset(self, offset: Offset) -> Self {
        self.raw(&offset.0.max(0).to_be_bytes())
    }

    /// Appends 8 bytes; a time before 1970 sorts as 1970.
    #[must_use]
    pub fn time(self, time: Timestamp) -> Self {
        self.raw(&time.0.max(0).to_be_bytes())
    }

    /// Appends 8 bytes.
    #[must_use]
    pub fn producer(self, producer: ProducerId) -> Self {
        self.raw(&producer.0.to_be_bytes())
    }

    /// Appends 16 bytes.
    #[must_use]
    pub fn object(self, object: ObjectId) -> Self {
        self.raw(&object.0)
    }

    /// Appends 2 bytes.
    #[must_use]
    pub fn chunk(self, number: u16) -> Self {
        self.raw(&number.to_be_bytes())
    }

    /// The key.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}
