//! A topic's configuration as types: the overrides and defaults, parsed once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::definitions::definition;
use super::value::{ConfigError, list, long, validate_value};

/// A topic's effective configuration: the configs that have an effect here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfigs {
    /// How old records are removed.
    pub cleanup: CleanupPolicy,
    /// Age from which records are removed; `None` keeps them for ever. Applies if `cleanup.delete`.
    pub retention: Option<Duration>,
    /// Partition size in bytes over which the oldest records are removed; `None` for no limit. Applies if
    /// `cleanup.delete`.
    pub retention_bytes: Option<u64>,
    /// Bytes of records that go together when their newest is too old: those of one of Kafka's segments.
    pub segment_bytes: u64,
    /// Time between the first and the last of them, by their timestamps.
    pub segment_time: Duration,
    /// Bytes of the largest batch that is accepted, with its header, as sent.
    pub max_message_bytes: usize,
    /// Whether records have the timestamps of their producers or of the append.
    pub timestamp_type: TimestampType,
    /// How far in the past a producer's timestamp may lie.
    pub timestamp_before_max: Duration,
    /// How far in the future a producer's timestamp may lie.
    pub timestamp_after_max: Duration,
    /// The declared compression; batches are stored as they were sent in any case.
    pub compression: CompressionType,
}

/// Kafka's `cleanup.policy`; with neither, records are kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Old records are removed by age and size.
    pub delete: bool,
    /// Only the latest record of each key must be kept; every record must have a key.
    pub compact: bool,
}

/// Kafka's `message.timestamp.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The timestamp that the producer has set.
    CreateTime,
    /// The time of the append, set by the agent.
    LogAppendTime,
}

/// Kafka's `compression.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// As the producer has compressed them.
    Producer,
    /// Not compressed.
    Uncompressed,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Default for TopicConfigs {
    fn default() -> Self {
        Self::read(&BTreeMap::new())
    }
}

impl TopicConfigs {
    /// The configuration of a topic with these overrides.
    ///
    /// # Errors
    /// If a name is unknown, a value is illegal, or two values contradict each other; the error names the config.
    pub fn parse(overrides: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        for (name, value) in overrides {
            validate_value(name, value)?;
        }
        let number = |name| long(value_of(overrides, name)).unwrap_or_default();
        let (first, second) = ("min.compaction.lag.ms", "max.compaction.lag.ms");
        let (first_value, second_value) = (number(first), number(second));
        if first_value > second_value {
            return Err(ConfigError::Conflict { first, first_value, second, second_value });
        }
        Ok(Self::read(overrides))
    }

    /// The configuration of a stored topic. An override that this version does not understand is ignored, so that one
    /// bad row cannot make a topic unusable.
    #[must_use]
    pub fn of_stored(overrides: &BTreeMap<String, String>) -> Self {
        let understood = overrides.iter().filter(|(name, value)| validate_value(name, value).is_ok());
        Self::read(&understood.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Parses overrides whose values are legal each by itself.
    fn read(overrides: &BTreeMap<String, String>) -> Self {
        let text = |name| value_of(overrides, name).trim();
        let number = |name| long(value_of(overrides, name)).unwrap_or_default();
        let positive = |name| u64::try_from(number(name)).ok();
        let millis = |name| Duration::from_millis(positive(name).unwrap_or(0));
        let policies = list(value_of(overrides, "cleanup.policy"));
        Self {
            cleanup: CleanupPolicy { delete: policies.contains(&"delete"), compact: policies.contains(&"compact") },
            retention: positive("retention.ms").map(Duration::from_millis),
            retention_bytes: positive("retention.bytes"),
            segment_bytes: positive("segment.bytes").unwrap_or(0),
            segment_time: millis("segment.ms"),
            max_message_bytes: usize::try_from(number("max.message.bytes")).unwrap_or(0),
            timestamp_type: match text("message.timestamp.type") {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            timestamp_before_max: millis("message.timestamp.before.max.ms"),
            timestamp_after_max: millis("message.timestamp.after.max.ms"),
            compression: match text("compression.type") {
                "uncompressed" => CompressionType::Uncompressed,
                "gzip" => CompressionType::Gzip,
                "snappy" => CompressionType::Snappy,
                "lz4" => CompressionType::Lz4,
                "zstd" => CompressionType::Zstd,
                _ => CompressionType::Producer,
            },
        }
    }
}

fn value_of<'a>(overrides: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    match overrides.get(name) {
        Some(value) => value,
        None => definition(name).expect("asked only for names of the table").default,
    }
}
