//! What one agent is told at its start: validated values only, no file or environment is read here. (Its id, zone and
//! addresses are those of its session.)

use std::time::Duration;

use alluvium_model::limits;

/// How one agent behaves. Names follow Kafka's broker configuration where it has one.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Time after which one more PUT is earned.
    pub linger: Duration,
    /// PUTs that may be saved up while idle.
    pub flush_burst: u32,
    /// A segment is sealed at this many bytes.
    pub segment_bytes_max: usize,
    /// A segment is sealed at this many partitions.
    pub segment_partitions_max: usize,
    /// Segments uploading at once.
    pub uploads_in_flight_max: usize,
    /// Bytes admitted and not yet answered.
    pub unflushed_bytes_max: usize,
    /// A segment older than this is not committed any more.
    pub commit_age_max: Duration,
    /// From retiring an object to deleting it.
    pub retire_grace: Duration,
    /// Memory for cached record bytes, all caches together.
    pub cache_bytes: u64,
    /// One request frame (`socket.request.max.bytes`).
    pub frame_bytes_max: usize,
    /// Connections open at once (`max.connections`).
    pub connections_max: usize,
    /// A connection that is silent for this long is closed (`connections.max.idle.ms`).
    pub connections_idle_max: Duration,
    /// Upper bound of what one Fetch answers (`fetch.max.bytes`).
    pub fetch_bytes_max: usize,
    /// Whether producing to or asking for an unknown topic creates it (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Partitions of a topic created without a count (`num.partitions`).
    pub num_partitions: i32,
    /// Replication factor shown for a topic created without one (`default.replication.factor`).
    pub default_replication_factor: i16,
    /// From deleting a topic to purging its records.
    pub topic_delete_grace: Duration,
    /// Whether topics can be deleted (`delete.topic.enable`).
    pub delete_topic_enable: bool,
    /// `group.min.session.timeout.ms`.
    pub group_session_timeout_min: Duration,
    /// `group.max.session.timeout.ms`.
    pub group_session_timeout_max: Duration,
    /// `group.initial.rebalance.delay.ms`.
    pub group_initial_rebalance_delay: Duration,
    /// `group.max.size`.
    pub group_size_max: usize,
    /// Committed offsets of an empty group expire after this (`offsets.retention.minutes`).
    pub offsets_retention: Duration,
    /// `offset.metadata.max.bytes`.
    pub offset_metadata_bytes_max: usize,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            linger: limits::LINGER,
            flush_burst: limits::FLUSH_BURST,
            segment_bytes_max: limits::SEGMENT_BYTES_MAX,
            segment_partitions_max: limits::SEGMENT_PARTITIONS_MAX,
            uploads_in_flight_max: limits::UPLOADS_IN_FLIGHT_MAX,
            unflushed_bytes_max: 256 << 20,
            commit_age_max: limits::COMMIT_AGE_MAX,
            retire_grace: limits::RETIRE_GRACE,
            cache_bytes: 256 << 20,
            frame_bytes_max: limits::FRAME_BYTES_MAX,
            connections_max: 10_000,
            connections_idle_max: Duration::from_secs(600),
            fetch_bytes_max: 55 << 20,
            auto_create_topics: true,
            num_partitions: 1,
            default_replication_factor: 1,
            topic_delete_grace: limits::TOPIC_DELETE_GRACE,
            delete_topic_enable: true,
            group_session_timeout_min: Duration::from_secs(6),
            group_session_timeout_max: Duration::from_secs(1_800),
            group_initial_rebalance_delay: Duration::from_secs(3),
            group_size_max: 10_000,
            offsets_retention: limits::OFFSETS_RETENTION,
            offset_metadata_bytes_max: 4_096,
        }
    }
}
