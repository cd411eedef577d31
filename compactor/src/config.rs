//! What a user may change about compaction; data only.

use std::time::Duration;

use alluvium_model::limits;

/// Settings of the compactor.
#[derive(Clone, Debug)]
pub struct CompactorConfig {
    /// Pause between two rounds in the background.
    pub interval: Duration,
    /// In the background, level-0 bytes of a partition from which on they are rewritten.
    pub compact_bytes_min: u64,
    /// In the background, age of a partition's oldest level-0 extent from which on it is rewritten however small.
    pub compact_age_max: Duration,
    /// A history file is written up to about this size.
    pub file_bytes_target: u64,
    /// Jobs at once; each holds up to about `file_bytes_target` of memory for what it writes, and a few segments.
    pub jobs_max: usize,
    /// From retiring an object to deleting it.
    pub retire_grace: Duration,
    /// Age of a listed object, unknown to the metastore, from which on it is an orphan. Never taken as less than an hour,
    /// which every commit and every swap of ours is sure to be over by.
    pub orphan_age: Duration,
    /// Pause between two sweeps, of orphans and of expired producers and offsets.
    pub sweep_interval: Duration,
    /// Orphans that one sweep may delete: a bound on what a fault could destroy.
    pub sweep_deletes_max: usize,
    /// Sweeps report orphans and delete none.
    pub sweep_dry_run: bool,
    /// Feed entries older than this are forgotten.
    pub feed_retention: Duration,
    /// Idle producers are forgotten after this (Kafka's `producer.id.expiration.ms`).
    pub producer_expiry: Duration,
    /// Offsets of groups without members are forgotten after this (Kafka's `offsets.retention.minutes`).
    pub offsets_retention: Duration,
}

impl Default for CompactorConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            compact_bytes_min: 32 << 20,
            compact_age_max: Duration::from_secs(600),
            file_bytes_target: limits::HISTORY_FILE_BYTES_TARGET,
            jobs_max: 2,
            retire_grace: limits::RETIRE_GRACE,
            orphan_age: limits::ORPHAN_AGE,
            sweep_interval: Duration::from_secs(3600),
            sweep_deletes_max: 1_000,
            sweep_dry_run: false,
            feed_retention: Duration::from_secs(3600),
            producer_expiry: limits::PRODUCER_EXPIRY,
            offsets_retention: limits::OFFSETS_RETENTION,
        }
    }
}
