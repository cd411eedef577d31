//! Topic configuration and topic naming, as pure rules.
//!
//! Owns: the 33 topic configs of Kafka 4.3 (name, type, default, valid values, what each means here), the typed view of
//! a topic's overrides, the rule of each alteration, legal topic names and partition counts. Does not own: where
//! overrides are stored, or how Kafka's messages spell them.
//!
//! Invariant: overrides that [`TopicConfigs::parse`] accepts are understood by every part of the system; nothing else is
//! ever stored.

mod alter;
mod definitions;
mod name;
mod typed;
mod value;

pub use alter::{AlterOp, Alteration, ConfigChange, changes};
pub use definitions::{ConfigDef, ConfigKind, DEFINITIONS, Effect, Rule, definition};
pub use name::{
    InvalidTopicName, PARTITIONS_MAX, TOPIC_NAME_CHARS_MAX, collides, collision_key, validate_partition_count,
    validate_topic_name,
};
pub use typed::{CleanupPolicy, Compression, TimestampType, TopicConfigs};
pub use value::{ConfigError, validate_value};

#[cfg(test)]
mod tests;
