//! Topic configuration: Kafka's topic configs and their rules.
//!
//! Owns: the 33 topic configs of Kafka 4.3 (name, type, default, valid values, what each means here), a topic's
//! overrides as types, the rules of alterations. Does not own: where overrides are stored, how Kafka's messages
//! represent them, legal names and sizes ([`topic`](crate::topic)).
//!
//! Invariant: only overrides that [`TopicConfigs::parse`] accepts are ever stored; every part of the system can use
//! them.

mod alter;
mod definitions;
mod typed;
mod value;

pub use alter::{AlterOp, Alteration, ConfigChange, changes};
pub use definitions::{ConfigDef, ConfigKind, DEFINITIONS, Effect, ValueRule, definition};
pub use typed::{CleanupPolicy, CompressionType, TimestampType, TopicConfigs};
pub use value::{ConfigError, canonical, validate_value};

#[cfg(test)]
mod tests;
