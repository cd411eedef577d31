//! The limits and times of the system in one place, each with its unit and reason. Those that a user may want to change
//! are defaults of the configuration; the others are fixed.

use std::time::Duration;

/// The interval at which an agent may make one more PUT: weighs the cost of PUTs against latency.
pub const LINGER: Duration = Duration::from_millis(250);
/// The same for a local directory, where a PUT costs nothing: it only bounds the number of files. Requests are batched
/// there because they collect while all of [`UPLOADS_IN_FLIGHT_LOCAL_MAX`] uploads are busy.
pub const LINGER_LOCAL: Duration = Duration::from_millis(1);
/// PUTs that may be saved up while idle, so that a quiet system answers at once.
pub const FLUSH_BURST: u32 = 4;
/// A segment is sealed at this many bytes: one efficient PUT, but small enough to upload within a linger.
pub const SEGMENT_BYTES_MAX: usize = 8 << 20;
/// Partitions in one segment: keeps its commit (about 300 B a partition) well under the transaction limit.
pub const SEGMENT_PARTITIONS_MAX: usize = 1_000;
/// Rows (heads, extents, producer windows) that one commit transaction may touch.
pub const COMMIT_ROWS_MAX: usize = 4_000;
/// Segments uploading at once from one agent.
pub const UPLOADS_IN_FLIGHT_MAX: usize = 8;
/// The same for a local directory: one is written while another is synced. More would only share the disk, and make
/// smaller segments with more syncs and commits.
pub const UPLOADS_IN_FLIGHT_LOCAL_MAX: usize = 2;
/// Bytes admitted and not yet acknowledged in one agent, even if 10 % of its RAM is more.
pub const UNFLUSHED_BYTES_MAX: usize = 1 << 30;
/// Size and alignment of the blocks that the cache loads: large enough to be worth the latency of a GET, small enough
/// to evict.
pub const CACHE_BLOCK_BYTES: u64 = 4 << 20;
/// A segment older than this is rejected at commit, so that an orphan can be distinguished from a late commit.
pub const COMMIT_AGE_MAX: Duration = Duration::from_secs(600);
/// The time from retiring an object to deleting it: fetches in flight and caches may refer to it for that long.
pub const RETIRE_GRACE: Duration = Duration::from_secs(600);
/// An object in the bucket that the metastore does not know is an orphan at this age (well over `COMMIT_AGE_MAX`).
pub const ORPHAN_AGE: Duration = Duration::from_secs(24 * 3600);
/// A history file is written up to about this size.
pub const HISTORY_FILE_BYTES_TARGET: u64 = 128 << 20;
/// One value in the metastore (FoundationDB's hard limit).
pub const METASTORE_VALUE_BYTES_MAX: usize = 100_000;
/// One key in the metastore: FoundationDB's hard limit of 10 kB, less the prefix that a shared cluster's keys have.
pub const METASTORE_KEY_BYTES_MAX: usize = 9_900;
/// One transaction: FoundationDB's hard limit is 10 MB and it advises under 1 MB.
pub const TRANSACTION_BYTES_MAX: usize = 10_000_000;
/// Bytes of one transaction that our own stay under.
pub const TRANSACTION_BYTES_TARGET: usize = 1_000_000;
/// Age at which a transaction can no longer read or commit (FoundationDB's limit).
pub const TRANSACTION_AGE_MAX: Duration = Duration::from_secs(5);
/// The time that work in flight has to finish after a request to stop.
pub const DRAIN: Duration = Duration::from_secs(300);
/// The pause between two heartbeats of a node: each is one small commit.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(400);
/// A node without a heartbeat for this long is considered dead, and its groups are taken over: five heartbeats, so that
/// one that is lost or late does no harm. (Kafka's `broker.session.timeout.ms` is 9 s.)
pub const NODE_EXPIRY: Duration = Duration::from_secs(2);
/// Heartbeats that fit into an expiry, at least: with fewer a single one that is late could end a registration.
pub const HEARTBEATS_PER_EXPIRY_MIN: u32 = 4;
/// The longest expiry: its milliseconds are stored in 32 bits, and groups of a dead agent wait for it.
pub const NODE_EXPIRY_MAX: Duration = Duration::from_secs(60);
/// One request frame (Kafka's `socket.request.max.bytes`).
pub const FRAME_BYTES_MAX: usize = 100 << 20;
/// Bytes that the records of one batch may have once decompressed: about 128 times the default `max.message.bytes`, as
/// a bound on decompression bombs.
pub const DECOMPRESSED_BYTES_MAX: usize = 128 << 20;
/// Batches per (partition, producer) whose duplicates are recognised (Kafka's `NUM_BATCHES_TO_RETAIN`).
pub const PRODUCER_WINDOW_BATCHES: usize = 5;
/// The window of a producer that is idle for this long expires (Kafka's `producer.id.expiration.ms`).
pub const PRODUCER_EXPIRY: Duration = Duration::from_secs(24 * 3600);
/// Memory of the fetch sessions of all connections of an agent, bytes: some 200,000 partitions. Consumers for whom none
/// is left name all their partitions in each fetch.
pub const FETCH_SESSION_BYTES_MAX: usize = 64 << 20;
/// Offsets of a group without members expire after this (Kafka's `offsets.retention.minutes`).
pub const OFFSETS_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// Batches in one commit transaction: a batch that is rejected takes up to 24 B in the commit's outcome.
pub const COMMIT_BATCHES_MAX: usize = 20_000;
/// Partitions of one topic: all their heads are written by the transaction that creates it (about 62 B each).
pub const TOPIC_PARTITIONS_MAX: i32 = 10_000;
/// Bytes of a topic's name (Kafka's limit).
pub const TOPIC_NAME_BYTES_MAX: usize = 249;
/// Bytes of a topic's config overrides, names and values: they share one metastore value.
pub const TOPIC_CONFIGS_BYTES_MAX: usize = 64_000;
/// Extents that one transaction of a swap replaces: they are one range read of about 75 B each, and as many blind
/// writes of about 100 B with what the store adds, so that one attempt takes milliseconds and stays well under
/// [`TRANSACTION_BYTES_TARGET`].
pub const SWAP_INPUTS_MAX: usize = 2_000;
/// Extents that one transaction of a swap adds: those of a partition share one feed entry, at about 90 B each.
pub const SWAP_OUTPUTS_MAX: usize = 500;
/// Swaps that one transaction makes, each of adjacent extents of one partition: four reads at once and one feed entry for each.
pub const SWAP_PARTITIONS_MAX: usize = 200;
/// Extents that one transaction of a trim unlinks: about 150 B each.
pub const TRIM_STEP_EXTENTS: usize = 1_000;
/// Feed entries and commit outcomes are kept at least this long, even if a trim is asked for less: well over
/// `COMMIT_AGE_MAX`, so that an agent that may still repeat a commit finds its outcome.
pub const FEED_KEEP_MIN: Duration = Duration::from_secs(1_800);
/// A transactional id that is idle for this long is forgotten (Kafka's `transactional.id.expiration.ms`).
pub const TRANSACTIONAL_ID_EXPIRY: Duration = Duration::from_secs(7 * 24 * 3600);
/// Partitions and groups of one transaction: its end writes about 300 B for each, in one transaction of the metastore, and
/// FoundationDB counts as much again for what may conflict.
pub const TRANSACTION_MEMBERS_MAX: u32 = 2_000;
/// Up to as many partitions and groups of a transaction, commits add to it without seeing what others add at the same
/// time. One adds at most 500 ([`COMMIT_ROWS_MAX`]): as many agents times that may exceed [`TRANSACTION_MEMBERS_MAX`].
pub const TRANSACTION_MEMBERS_UNSEEN_MAX: u32 = 1_000;
/// Groups among them: each may have a thousand offsets with metadata, which the end writes as well.
pub const TRANSACTION_GROUPS_MAX: usize = 10;
/// Offsets that a transaction commits for one group.
pub const TRANSACTION_OFFSETS_MAX: usize = 1_000;
/// The leader epoch of every partition: any agent serves any partition, so leadership never changes.
pub const LEADER_EPOCH: i32 = 0;
