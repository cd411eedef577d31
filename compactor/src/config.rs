//! What a user may change about compaction; data only.

use std::time::Duration;

use alluvium_history::HistoryCompression;
use alluvium_model::limits;

use crate::job_memory;

/// A file of its own is worth its PUT from here on: a GiB of such files costs half a cent.
const SHARED_PART_BYTES_MAX: u64 = 1 << 20;

/// How a compactor behaves.
#[derive(Clone, Debug)]
pub struct CompactorConfig {
    /// Pause between two looks for work in the background: for ripe partitions, due deletions, deleted topics.
    pub interval: Duration,
    /// Pause between two looks of retention (Kafka's `log.retention.check.interval.ms`).
    pub retention_check_interval: Duration,
    /// Pause between two surveys, which read everything and find what the feed did not show.
    pub survey_interval: Duration,
    /// Level-0 bytes from which on jobs run on threads of normal priority. They do so too once a partition
    /// has been due for as long as its data may wait until it is.
    pub urgent_bytes: u64,
    /// In the background, a partition is rewritten once its level-0 extents have this many bytes.
    pub compact_bytes_min: u64,
    /// In the background, a partition is rewritten once its oldest level-0 extent has this age. With less than 1 MiB it
    /// waits longer, in inverse proportion to its bytes.
    pub compact_age_max: Duration,
    /// The longest that it waits, however small it is. Longer costs more GETs once a job cannot read all segments of the age,
    /// shorter more PUTs.
    pub compact_small_age_max: Duration,
    /// Size in bytes up to which a history file is written.
    pub file_bytes_target: u64,
    /// How history files are compressed. No option of the binary: the memory of a job is bounded because zstd makes its files
    /// smaller than its inputs. For runs of the simulation, whose data is small.
    pub history_compression: HistoryCompression,
    /// A partition with as many bytes gets a history file of its own; neighbouring ones of a topic with fewer share files.
    pub shared_part_bytes_max: u64,
    /// Bytes of segments that a job has fetched, each counted twice, or one segment if that is larger.
    pub read_ahead_bytes: u64,
    /// Jobs at once. Each takes up to [`Self::job_memory_bytes`].
    pub jobs_max: usize,
    /// Time between retiring an object and deleting it.
    pub retire_grace: Duration,
    /// Age at which a listed object that the metastore does not know is an orphan. At least an hour is used in any
    /// case: every commit and every swap is over by then.
    pub orphan_age: Duration,
    /// Pause between two sweeps of orphans, and of expired producers and offsets.
    pub sweep_interval: Duration,
    /// Orphans that one sweep may delete: bounds what a fault could destroy.
    pub sweep_deletes_max: usize,
    /// Sweeps report orphans and delete none.
    pub sweep_dry_run: bool,
    /// Age at which feed entries are removed.
    pub feed_retention: Duration,
    /// Age at which idle producers expire (Kafka's `producer.id.expiration.ms`).
    pub producer_expiry: Duration,
    /// Time that offsets of a group without members are kept (Kafka's `offsets.retention.minutes`).
    pub offsets_retention: Duration,
    /// Time after which an idle transactional id is forgotten (Kafka's `transactional.id.expiration.ms`).
    pub transactional_id_expiration: Duration,
}

impl CompactorConfig {
    /// The most memory that one job takes, bytes.
    #[must_use]
    pub fn job_memory_bytes(&self) -> u64 {
        job_memory::most(self.job_bytes_max(), self.read_ahead_bytes)
    }

    /// The `read_ahead_bytes` that go with a `file_bytes_target`, bytes.
    #[must_use]
    pub fn read_ahead_of(file_bytes_target: u64) -> u64 {
        job_memory::read_ahead_bytes(file_bytes_target)
    }

    /// Bytes that a job of several compactions collects: as much as a full file.
    pub(crate) fn job_bytes_max(&self) -> u64 {
        self.file_bytes_target.max(1)
    }
}

/// The one place of each default: the binary's options take theirs from here.
impl Default for CompactorConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            retention_check_interval: Duration::from_secs(300),
            survey_interval: Duration::from_secs(3600),
            urgent_bytes: 256 << 20,
            compact_bytes_min: 32 << 20,
            compact_age_max: Duration::from_secs(300),
            compact_small_age_max: Duration::from_secs(1_200),
            file_bytes_target: limits::HISTORY_FILE_BYTES_TARGET,
            history_compression: HistoryCompression::default(),
            shared_part_bytes_max: SHARED_PART_BYTES_MAX,
            read_ahead_bytes: Self::read_ahead_of(limits::HISTORY_FILE_BYTES_TARGET),
            jobs_max: 2,
            retire_grace: limits::RETIRE_GRACE,
            orphan_age: limits::ORPHAN_AGE,
            sweep_interval: Duration::from_secs(3600),
            sweep_deletes_max: 1_000,
            sweep_dry_run: false,
            feed_retention: Duration::from_secs(3600),
            producer_expiry: limits::PRODUCER_EXPIRY,
            offsets_retention: limits::OFFSETS_RETENTION,
            transactional_id_expiration: limits::TRANSACTIONAL_ID_EXPIRY,
        }
    }
}
