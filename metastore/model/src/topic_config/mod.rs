//! Topic configuration, as pure rules.
//!
//! Owns: the 33 topic configs of Kafka 4.3 (name, type, default, valid values, what each means here), the typed view of
//! a topic's overrides, the rule of each alteration. Does not own: where overrides are stored, how Kafka's messages spell
//! them, legal names and sizes ([`topic`](crate::topic)).
//!
//! Invariant: overrides that [`TopicConfigs::parse`] accepts are understood by every part of the system; nothing else is
//! ever stored.

mod alter;
mod definitions;
mod typed;
mod value;

pub use alter::{AlterOp, Alteration, ConfigChange, changes};
pub use definitions::{ConfigDef, ConfigKind, DEFINITIONS, Effect, Rule, definition};
pub use typed::{CleanupPolicy, Compression, TimestampType, TopicConfigs};
pub use value::{ConfigError, canonical, validate_value};

#[cfg(test)]
mod tests;
