//! Limits on the size of a topic's rows.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::limits::{TOPIC_CONFIGS_BYTES_MAX, TOPIC_PARTITIONS_MAX};

/// Why a topic is too large (or too small).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidSize {
    /// Fewer than one partition, or more than [`TOPIC_PARTITIONS_MAX`].
    #[error("a topic has 1 to {TOPIC_PARTITIONS_MAX} partitions, not {partitions}")]
    Partitions {
        /// Requested number of partitions.
        partitions: i32,
    },
    /// The config overrides are larger than [`TOPIC_CONFIGS_BYTES_MAX`].
    #[error("config overrides of {bytes} bytes exceed {TOPIC_CONFIGS_BYTES_MAX}")]
    Configs {
        /// Bytes of their names and values.
        bytes: usize,
    },
}

/// Checks that a topic may have this number of partitions.
pub fn check_partitions(partitions: i32) -> Result<(), InvalidSize> {
    if (1..=TOPIC_PARTITIONS_MAX).contains(&partitions) { Ok(()) } else { Err(InvalidSize::Partitions { partitions }) }
}

/// Checks that a topic may have these config overrides.
pub fn check_configs(configs: &BTreeMap<String, String>) -> Result<(), InvalidSize> {
    let bytes = configs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes <= TOPIC_CONFIGS_BYTES_MAX { Ok(()) } else { Err(InvalidSize::Configs { bytes }) }
}
