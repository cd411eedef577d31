//! Newtypes for every id, offset, epoch and time, so that two of them are never confused.

use std::{fmt, time::Duration};

use uuid::Uuid;

macro_rules! number {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// The number of a partition within its topic, from 0.
    PartitionIndex(i32)
}
number! {
    /// The position of a record in its partition, from 0.
    Offset(i64)
}
number! {
    /// The id of an idempotent producer, allocated by `InitProducerId` (KIP-98).
    ProducerId(i64)
}
number! {
    /// The epoch of a producer id; a producer with an older one is fenced (KIP-98).
    ProducerEpoch(i16)
}
number! {
    /// The number of a record within (producer id, epoch, partition); wraps from `i32::MAX` to 0.
    Sequence(i32)
}
number! {
    /// Milliseconds since the Unix epoch, as Kafka counts them; -1 is Kafka's "no timestamp".
    Timestamp(i64)
}
number! {
    /// The id of an agent: Kafka clients see it as the node id of a broker.
    AgentId(i32)
}

impl Offset {
    /// The offset `records` later; saturates, so that no stored number can make it panic.
    #[must_use]
    pub fn plus(self, records: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(records).unwrap_or(i64::MAX)))
    }

    /// Number of offsets from `earlier` (inclusive) to `self` (exclusive); 0 if `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl Timestamp {
    /// Kafka's "no timestamp".
    pub const NONE: Self = Self(-1);

    /// The time `ms` milliseconds later; saturates.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The time `duration` later, in whole milliseconds; saturates.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        self.plus_ms(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }

    /// The time `duration` earlier, in whole milliseconds; saturates.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// The id of a topic: a random UUID, new whenever a topic of the same name is created again (KIP-516).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub Uuid);

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One partition of one topic: the unit of ordering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicId,
    /// The number of the partition within the topic.
    pub partition: PartitionIndex,
}

impl TopicPartition {
    /// The partition numbered `partition` of `topic`.
    #[must_use]
    pub fn new(topic: TopicId, partition: PartitionIndex) -> Self {
        Self { topic, partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// The id of one immutable object in the bucket, never used again. Big-endian layout:
///
/// ```text
/// | created, ms since epoch: 6 | writer: 4 | random: 6 |
/// ```
///
/// So the ids of one writer sort by creation, the age of an orphan is readable from its name alone, and no two writers
/// create the same id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 16]);

impl ObjectId {
    /// The id of an object created at `created` by `writer`; `random` supplies the last six bytes (its top two are
    /// dropped).
    #[must_use]
    pub fn new(created: Timestamp, writer: u32, random: u64) -> Self {
        let mut bytes = [0; 16];
        let [_, _, created @ ..] = created.0.to_be_bytes();
        let [_, _, random @ ..] = random.to_be_bytes();
        let [a, b, c, d, e, f] = created;
        bytes[..6].copy_from_slice(&[a, b, c, d, e, f]);
        bytes[6..10].copy_from_slice(&writer.to_be_bytes());
        bytes[10..].copy_from_slice(&random);
        Self(bytes)
    }

    /// The time of its creation, ms.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        let [a, b, c, d, e, f, ..] = self.0;
        Timestamp(i64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// The number of the writer that created it.
    #[must_use]
    pub fn writer(&self) -> u32 {
        let [_, _, _, _, _, _, a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Parses the 32 hexadecimal digits that `Display` writes; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()))
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_id_contains_its_time_and_writer_and_survives_text() {
        let id = ObjectId::new(Timestamp(1_790_000_000_123), 7, 0xdead_beef_cafe);
        assert_eq!((id.created(), id.writer()), (Timestamp(1_790_000_000_123), 7));
        assert_eq!(ObjectId::parse(&id.to_string()), Some(id));
        assert_eq!(ObjectId::parse("short"), None);
    }
}
