//! How one agent behaves: validated values only, no file or environment is read here. (The agent's id, zone and
//! addresses are part of its session.)

use std::time::Duration;

use alluvium_model::{group::Rules, limits};

/// How one agent behaves. Names follow Kafka's broker configuration if it has such an option; those are in backticks.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Time after which the flush policy earns one more PUT.
    pub linger: Duration,
    /// PUTs that may be saved up while idle.
    pub flush_burst: u32,
    /// A segment is sealed at this many bytes.
    pub segment_bytes_max: usize,
    /// A segment is sealed at this many partitions.
    pub segment_partitions_max: usize,
    /// Segments uploaded concurrently.
    pub uploads_in_flight_max: usize,
    /// Produced bytes that may be admitted and not yet acknowledged. The binary lowers the default to a part of the
    /// machine's memory.
    pub unflushed_bytes_max: usize,
    /// Producers are throttled from when on what waits for compaction would take more than half of this; zero: never.
    pub compaction_delay_max: Duration,
    /// A segment older than this is not committed any more.
    pub commit_age_max: Duration,
    /// Time between retiring an object and deleting it. Cached locations are trusted for at most half of it.
    pub retire_grace: Duration,
    /// Memory in bytes for cached records, all caches together.
    pub cache_bytes: u64,
    /// Memory in bytes for answers until they are written to their sockets, all clients together.
    pub answer_bytes_max: usize,
    /// While others wait for that memory, a client may pause within an answer for this long, and must on average take
    /// at least 64 KiB/s of it after this time; else its connection is closed.
    pub slow_reader_grace: Duration,
    /// Largest request frame in bytes (`socket.request.max.bytes`).
    pub frame_bytes_max: usize,
    /// Kafka connections open at once (`max.connections`).
    pub connections_max: usize,
    /// A connection on which nothing happens for this long is closed (`connections.max.idle.ms`).
    pub connections_idle_max: Duration,
    /// Upper bound in bytes of one Fetch response (`fetch.max.bytes`).
    pub fetch_bytes_max: usize,
    /// Whether a topic is created when a client first uses its name (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Partitions of a topic that is created without a count (`num.partitions`).
    pub num_partitions: i32,
    /// Replication factor reported for a topic that is created without one (`default.replication.factor`).
    pub default_replication_factor: i16,
    /// Time between deleting a topic and purging its records.
    pub topic_delete_grace: Duration,
    /// Whether topics can be deleted (`delete.topic.enable`).
    pub delete_topic_enable: bool,
    /// Shortest session timeout that a group member may request (`group.min.session.timeout.ms`).
    pub group_session_timeout_min: Duration,
    /// Longest session timeout that a group member may request (`group.max.session.timeout.ms`).
    pub group_session_timeout_max: Duration,
    /// Time that a new group waits for more members (`group.initial.rebalance.delay.ms`).
    pub group_initial_rebalance_delay: Duration,
    /// Members of one group (`group.max.size`).
    pub group_size_max: usize,
    /// Time that committed offsets of an empty group are kept (`offsets.retention.minutes`).
    pub offsets_retention: Duration,
    /// Longest metadata string of a committed offset, in bytes (`offset.metadata.max.bytes`).
    pub offset_metadata_bytes_max: usize,
    /// Longest timeout that a transaction may have (`transaction.max.timeout.ms`).
    pub transaction_timeout_max: Duration,
    /// Time after which an idle transactional id is forgotten (`transactional.id.expiration.ms`).
    pub transactional_id_expiration: Duration,
}

/// The one place of each default: the binary's options take theirs from here.
impl Default for AgentConfig {
    fn default() -> Self {
        let groups = Rules::default();
        Self {
            linger: limits::LINGER,
            flush_burst: limits::FLUSH_BURST,
            segment_bytes_max: limits::SEGMENT_BYTES_MAX,
            segment_partitions_max: limits::SEGMENT_PARTITIONS_MAX,
            uploads_in_flight_max: limits::UPLOADS_IN_FLIGHT_MAX,
            unflushed_bytes_max: limits::UNFLUSHED_BYTES_MAX,
            compaction_delay_max: Duration::from_secs(60),
            commit_age_max: limits::COMMIT_AGE_MAX,
            retire_grace: limits::RETIRE_GRACE,
            cache_bytes: 256 << 20,
            answer_bytes_max: 256 << 20,
            slow_reader_grace: Duration::from_secs(10),
            frame_bytes_max: limits::FRAME_BYTES_MAX,
            connections_max: 10_000,
            connections_idle_max: Duration::from_secs(600),
            fetch_bytes_max: 55 << 20,
            auto_create_topics: true,
            num_partitions: 1,
            default_replication_factor: 1,
            topic_delete_grace: Duration::ZERO,
            delete_topic_enable: true,
            group_session_timeout_min: groups.session_timeout_min,
            group_session_timeout_max: groups.session_timeout_max,
            group_initial_rebalance_delay: groups.initial_rebalance_delay,
            group_size_max: groups.size_max,
            offsets_retention: limits::OFFSETS_RETENTION,
            offset_metadata_bytes_max: 4_096,
            transaction_timeout_max: Duration::from_secs(900),
            transactional_id_expiration: limits::TRANSACTIONAL_ID_EXPIRY,
        }
    }
}
