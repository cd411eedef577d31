//! How large a topic's rows may get.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::limits::{TOPIC_CONFIGS_BYTES_MAX, TOPIC_PARTITIONS_MAX};

/// Why a topic cannot be that large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidSize {
    /// Fewer than one partition, or more than [`TOPIC_PARTITIONS_MAX`].
    #[error("a topic has 1 to {TOPIC_PARTITIONS_MAX} partitions, not {partitions}")]
    Partitions {
        /// Asked for.
        partitions: i32,
    },
    /// More overrides than fit.
    #[error("config overrides of {bytes} bytes exceed {TOPIC_CONFIGS_BYTES_MAX}")]
    Configs {
        /// Names and values together.
        bytes: usize,
    },
}

/// Whether a topic may have so many partitions.
pub fn check_partitions(partitions: i32) -> Result<(), InvalidSize> {
    if (1..=TOPIC_PARTITIONS_MAX).contains(&partitions) { Ok(()) } else { Err(InvalidSize::Partitions { partitions }) }
}

/// Whether a topic may have these overrides.
pub fn check_configs(configs: &BTreeMap<String, String>) -> Result<(), InvalidSize> {
    let bytes = configs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes <= TOPIC_CONFIGS_BYTES_MAX { Ok(()) } else { Err(InvalidSize::Configs { bytes }) }
}
