//! The numbers of DESIGN section 8: named, with unit and reason, in one place. What a user would change is a default of
//! the configuration; the rest is fixed.

use std::time::Duration;

/// Time after which one more PUT is earned; the price of a quiet S3 bucket against latency.
pub const LINGER: Duration = Duration::from_millis(250);
/// The same where a PUT costs nothing (a local directory): bounds the number of files only. What batches requests there is
/// that they gather while all of [`UPLOADS_IN_FLIGHT_LOCAL_MAX`] are busy.
pub const LINGER_LOCAL: Duration = Duration::from_millis(1);
/// PUTs that may be saved up while idle, so that a quiet system answers at once.
pub const FLUSH_BURST: u32 = 4;
/// A segment is sealed at this many bytes: one efficient PUT, still small enough to upload within a linger.
pub const SEGMENT_BYTES_MAX: usize = 8 << 20;
/// Partitions in one segment: keeps its commit (about 300 B a partition) well under the transaction limit.
pub const SEGMENT_PARTITIONS_MAX: usize = 1_000;
/// Rows (heads, extents, producer windows) that one commit transaction may touch.
pub const COMMIT_ROWS_MAX: usize = 4_000;
/// Segments uploading at once from one agent.
pub const UPLOADS_IN_FLIGHT_MAX: usize = 8;
/// The same into a local directory: one is written while another is synced. More of them only share the disk, as smaller
/// segments with more syncs and more commits.
pub const UPLOADS_IN_FLIGHT_LOCAL_MAX: usize = 2;
/// Upper bound of bytes admitted and not yet acknowledged in one agent, where 10 % of RAM is more.
pub const UNFLUSHED_BYTES_MAX: usize = 1 << 30;
/// Alignment and size of what the block cache loads: big enough that a GET's latency pays, small enough to evict.
pub const CACHE_BLOCK_BYTES: u64 = 4 << 20;
/// A segment older than this is refused at commit, so that orphans can be told from late commits.
pub const COMMIT_AGE_MAX: Duration = Duration::from_secs(600);
/// From retiring an object to deleting it: fetches in flight and caches still name it for that long.
pub const RETIRE_GRACE: Duration = Duration::from_secs(600);
/// A listed object that the metastore does not know is an orphan at this age (well over `COMMIT_AGE_MAX`).
pub const ORPHAN_AGE: Duration = Duration::from_secs(24 * 3600);
/// A history file is written up to about this size.
pub const HISTORY_FILE_BYTES_TARGET: u64 = 128 << 20;
/// One value in the metastore (FoundationDB's hard limit).
pub const METASTORE_VALUE_BYTES_MAX: usize = 100_000;
/// One key in the metastore: FoundationDB's hard limit of 10 kB, less the prefix that a shared cluster's keys have.
pub const METASTORE_KEY_BYTES_MAX: usize = 9_900;
/// One transaction: FoundationDB's hard limit is 10 MB and it advises under 1 MB.
pub const TRANSACTION_BYTES_MAX: usize = 10_000_000;
/// What our own transactions stay under.
pub const TRANSACTION_BYTES_TARGET: usize = 1_000_000;
/// Age at which a transaction can no longer read or commit (FoundationDB's limit).
pub const TRANSACTION_AGE_MAX: Duration = Duration::from_secs(5);
/// Time for what is in flight after a request to stop.
pub const DRAIN: Duration = Duration::from_secs(300);
/// From deleting a topic to purging its records, in production.
pub const TOPIC_DELETE_GRACE: Duration = Duration::from_secs(24 * 3600);
/// One request frame (Kafka's `socket.request.max.bytes`).
pub const FRAME_BYTES_MAX: usize = 100 << 20;
/// Batches per (partition, producer) whose duplicates are recognised (Kafka's `NUM_BATCHES_TO_RETAIN`).
pub const PRODUCER_WINDOW_BATCHES: usize = 5;
/// Idle producer state expires (Kafka's `producer.id.expiration.ms`).
pub const PRODUCER_EXPIRY: Duration = Duration::from_secs(24 * 3600);
/// Offsets of a group without members are forgotten after this (Kafka's `offsets.retention.minutes`).
pub const OFFSETS_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// Batches that one commit transaction may carry: a batch that is refused takes up to 24 B in the commit's outcome.
pub const COMMIT_BATCHES_MAX: usize = 20_000;
/// Partitions of one topic: all their heads are written by the transaction that creates it (about 62 B each).
pub const TOPIC_PARTITIONS_MAX: i32 = 10_000;
/// Bytes of a topic's name (Kafka's limit).
pub const TOPIC_NAME_BYTES_MAX: usize = 249;
/// Bytes of a topic's config overrides, names and values: they share one metastore value.
pub const TOPIC_CONFIGS_BYTES_MAX: usize = 64_000;
/// Extents that one swap replaces: about 150 B each in its transaction.
pub const SWAP_INPUTS_MAX: usize = 4_000;
/// Extents that one swap puts in their place: they share one feed entry, at about 90 B each.
pub const SWAP_OUTPUTS_MAX: usize = 500;
/// Extents that one transaction of a trim unlinks: about 150 B each.
pub const TRIM_STEP_EXTENTS: usize = 1_000;
/// Feed entries and commit outcomes are kept at least this long, whatever a trim asks: well over `COMMIT_AGE_MAX`, so
/// that whoever could still repeat a commit finds its outcome.
pub const FEED_KEEP_MIN: Duration = Duration::from_secs(1_800);
/// The leader epoch of every partition: any agent serves any partition, so leadership never changes.
pub const LEADER_EPOCH: i32 = 0;
