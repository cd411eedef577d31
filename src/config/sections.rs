//! The agent's, the compactor's and the session's part of the settings, in the types that they take themselves.

use std::{ops::RangeInclusive, time::Duration};

use alluvium_compactor::CompactorConfig;
use alluvium_gateway::config::AgentConfig;
use alluvium_metastore::nodes::SessionConfig;
use alluvium_model::limits;

use super::{
    invalid_setting::{InvalidSetting, invalid},
    options::Resolved,
    store_location::StoreLocation,
    units::Size,
};

/// Legal sizes of a segment, in bytes: smaller than a typical batch costs requests, larger stalls commits.
const SEGMENT_BYTES: RangeInclusive<u64> = (64 << 10)..=(64 << 20);
/// The shortest pause between heartbeats: twenty commits a second and process.
const HEARTBEAT_INTERVAL_MIN: Duration = Duration::from_millis(50);
/// The part of the memory (one tenth) that unflushed bytes may take by default.
const UNFLUSHED_MEMORY_DIVISOR: usize = 10;

/// The part of the memory that compaction jobs may take.
const JOBS_MEMORY_DIVISOR: u64 = 8;
/// Most jobs at once: more would only share the network.
const JOBS_MAX: usize = 16;
/// The least memory for answers, in bytes: each of its shares must hold a batch of the usual size or several.
const ANSWER_BYTES_MIN: u64 = 32 << 20;

/// The agent's configuration; linger and uploads depend on the kind of object store.
pub(super) fn agent_config(options: &Resolved, store: &StoreLocation) -> Result<AgentConfig, InvalidSetting> {
    let (linger, uploads_in_flight) = match store {
        StoreLocation::Local { .. } | StoreLocation::Memory => {
            (limits::LINGER_LOCAL, limits::UPLOADS_IN_FLIGHT_LOCAL_MAX)
        }
        StoreLocation::S3(_) => (limits::LINGER, limits::UPLOADS_IN_FLIGHT_MAX),
    };
    if options.group_min_session_timeout.0 > options.group_max_session_timeout.0 {
        let min = options.group_min_session_timeout;
        return Err(invalid("group-min-session-timeout", min, "is longer than --group-max-session-timeout"));
    }
    transaction_times(options)?;
    Ok(AgentConfig {
        linger: options.linger.map_or(linger, |span| span.0),
        segment_bytes_max: segment_bytes(options.segment_bytes)?,
        uploads_in_flight_max: match options.uploads_in_flight {
            Some(count) => at_least_one("uploads-in-flight", count)?,
            None => uploads_in_flight,
        },
        unflushed_bytes_max: unflushed_bytes(options.unflushed_bytes)?,
        compaction_delay_max: options.compaction_delay_max.0,
        retire_grace: options.retire_grace.0,
        cache_bytes: options.cache_bytes.0,
        answer_bytes_max: answer_bytes(options.answer_bytes)?,
        connections_max: at_least_one("connections-max", options.connections_max)?,
        auto_create_topics: options.auto_create_topics_enable,
        num_partitions: num_partitions(options.num_partitions)?,
        topic_delete_grace: options.topic_delete_grace.0,
        group_session_timeout_min: options.group_min_session_timeout.0,
        group_session_timeout_max: options.group_max_session_timeout.0,
        group_initial_rebalance_delay: options.group_initial_rebalance_delay.0,
        offsets_retention: options.offsets_retention.0,
        transaction_timeout_max: options.transaction_max_timeout.0,
        transactional_id_expiration: options.transactional_id_expiration.0,
        ..AgentConfig::default()
    })
}

/// Checks the times of transactions. Kafka's protocol has timeouts in milliseconds as 32-bit integers.
fn transaction_times(options: &Resolved) -> Result<(), InvalidSetting> {
    let (timeout, expiration) = (options.transaction_max_timeout, options.transactional_id_expiration);
    if !(1..=i32::MAX as u128).contains(&timeout.0.as_millis()) {
        return Err(invalid("transaction-max-timeout", timeout, "must be from 1ms to 24 days"));
    }
    if expiration.0 <= timeout.0 {
        return Err(invalid(
            "transactional-id-expiration",
            expiration,
            "must be longer than --transaction-max-timeout",
        ));
    }
    Ok(())
}

/// The compactor's configuration.
pub(super) fn compactor_config(options: &Resolved) -> Result<CompactorConfig, InvalidSetting> {
    if options.compaction_interval.0.is_zero() {
        return Err(invalid("compaction-interval", options.compaction_interval, "must be longer than 0s"));
    }
    if options.retention_check_interval.0.is_zero() {
        return Err(invalid("retention-check-interval", options.retention_check_interval, "must be longer than 0s"));
    }
    if options.orphan_age.0 <= limits::COMMIT_AGE_MAX {
        let reason = "must be over 10min, the age at which a late commit is rejected";
        return Err(invalid("orphan-age", options.orphan_age, reason));
    }
    let defaults = CompactorConfig::default();
    let config = CompactorConfig {
        interval: options.compaction_interval.0,
        retention_check_interval: options.retention_check_interval.0,
        // At least one of the segments that agents write with the same options; twice, as it is counted.
        read_ahead_bytes: CompactorConfig::read_ahead_of(options.history_file_bytes.0)
            .max(options.segment_bytes.0.saturating_mul(2)),
        compact_bytes_min: options.compaction_bytes.0,
        compact_age_max: options.compaction_age.0,
        // Whoever asks for an age gets it.
        compact_small_age_max: if options.compaction_age.0 == defaults.compact_age_max {
            defaults.compact_small_age_max
        } else {
            options.compaction_age.0
        },
        file_bytes_target: options.history_file_bytes.0,
        retire_grace: options.retire_grace.0,
        orphan_age: options.orphan_age.0,
        offsets_retention: options.offsets_retention.0,
        transactional_id_expiration: options.transactional_id_expiration.0,
        ..defaults
    };
    Ok(CompactorConfig { jobs_max: jobs_max(config.job_memory_bytes()), ..config })
}

/// As many jobs as processors, while their memory is at most an eighth of the machine's. One there always is.
fn jobs_max(job_memory_bytes: u64) -> usize {
    let by_memory = crate::machine::memory_bytes() as u64 / JOBS_MEMORY_DIVISOR / job_memory_bytes.max(1);
    usize::try_from(by_memory).unwrap_or(usize::MAX).min(crate::machine::processors()).clamp(1, JOBS_MAX)
}

/// How this process stays registered beside others.
pub(super) fn session_config(options: &Resolved) -> Result<SessionConfig, InvalidSetting> {
    let (interval, expiry) = (options.heartbeat_interval, options.heartbeat_expiry);
    if interval.0 < HEARTBEAT_INTERVAL_MIN {
        return Err(invalid("heartbeat-interval", interval, "must be at least 50ms"));
    }
    if expiry.0 < interval.0.saturating_mul(limits::HEARTBEATS_PER_EXPIRY_MIN) {
        let reason = "must be at least four times --heartbeat-interval, so that a late heartbeat does no harm";
        return Err(invalid("heartbeat-expiry", expiry, reason));
    }
    if expiry.0 > limits::NODE_EXPIRY_MAX {
        return Err(invalid(
            "heartbeat-expiry",
            expiry,
            "must be at most 1min: the groups of a dead agent wait for it",
        ));
    }
    Ok(SessionConfig { heartbeat_interval: interval.0, expiry: expiry.0, alone: false })
}

fn segment_bytes(size: Size) -> Result<usize, InvalidSetting> {
    if !SEGMENT_BYTES.contains(&size.0) {
        return Err(invalid("segment-bytes", size, "must be between 64KiB and 64MiB"));
    }
    usize::try_from(size.0).map_err(|error| invalid("segment-bytes", size, error))
}

fn unflushed_bytes(size: Option<Size>) -> Result<usize, InvalidSetting> {
    let bytes = match size {
        Some(size) => usize::try_from(size.0).map_err(|error| invalid("unflushed-bytes", size, error))?,
        None => limits::UNFLUSHED_BYTES_MAX.min(crate::machine::memory_bytes() / UNFLUSHED_MEMORY_DIVISOR),
    };
    if bytes < limits::SEGMENT_BYTES_MAX {
        return Err(invalid("unflushed-bytes", Size(bytes as u64), "must hold at least one segment, 8MiB"));
    }
    Ok(bytes)
}

fn answer_bytes(size: Size) -> Result<usize, InvalidSetting> {
    if size.0 < ANSWER_BYTES_MIN {
        return Err(invalid("answer-bytes", size, "must be at least 32MiB"));
    }
    usize::try_from(size.0).map_err(|error| invalid("answer-bytes", size, error))
}

fn num_partitions(count: u32) -> Result<i32, InvalidSetting> {
    match i32::try_from(count) {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(invalid("num-partitions", count, "must be between 1 and 2147483647")),
    }
}

fn at_least_one(option: &'static str, count: u32) -> Result<usize, InvalidSetting> {
    if count == 0 { Err(invalid(option, 0, "must be at least 1")) } else { Ok(count as usize) }
}
