//! What the process runs with: validated, complete, data only.

use std::{
    fmt,
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

use alluvium_model::{AgentId, limits};
use alluvium_objects::{RetryPolicy, S3Location, StoreLocation};
use thiserror::Error;

use super::{Options, units::Span};

/// Everything a role needs to know, complete and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where objects live.
    pub store: StoreLocation,
    /// How requests to it are tried again where somebody waits for them.
    pub store_retry: RetryPolicy,
    /// Where the metastore lives.
    pub metastore: MetastoreLocation,
    /// Kafka's listener.
    pub kafka_listen: SocketAddr,
    /// What Kafka clients are told, where it differs from the listener.
    pub kafka_advertised: Option<(String, u16)>,
    /// HTTP's listener.
    pub http_listen: SocketAddr,
    /// What other agents are told, where it differs from the listener.
    pub http_advertised: Option<(String, u16)>,
    /// Kafka connections at once.
    pub connections_max: usize,
    /// This agent's broker id; the metastore chooses one where none is given.
    pub node_id: Option<AgentId>,
    /// This agent's zone.
    pub rack: Option<String>,
    /// Time that earns one PUT.
    pub linger: Duration,
    /// Size at which a segment is sealed.
    pub segment_bytes: usize,
    /// Concurrent uploads.
    pub uploads_in_flight: usize,
    /// Bytes admitted and not acknowledged.
    pub unflushed_bytes: usize,
    /// Memory of the block cache.
    pub cache_bytes: u64,
    /// Kafka's `auto.create.topics.enable`.
    pub auto_create_topics: bool,
    /// Kafka's `num.partitions`.
    pub num_partitions: i32,
    /// From deleting a topic to purging it.
    pub topic_delete_grace: Duration,
    /// Kafka's `group.initial.rebalance.delay.ms`.
    pub group_initial_rebalance_delay: Duration,
    /// Kafka's `group.min.session.timeout.ms` and `group.max.session.timeout.ms`.
    pub group_session_timeouts: (Duration, Duration),
    /// Kafka's `offsets.retention.minutes`.
    pub offsets_retention: Duration,
    /// The compactor's part.
    pub compaction: CompactionSettings,
    /// Time to finish what is in flight.
    pub drain_timeout: Duration,
    /// Log filter.
    pub log: String,
    /// Log as JSON lines instead of text.
    pub log_json: bool,
}

/// Where the metastore lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetastoreLocation {
    /// The embedded store: one directory, one process.
    Redb(PathBuf),
    /// FoundationDB: any number of processes.
    Fdb {
        /// How its servers are found; FoundationDB's default file where none is given.
        cluster_file: Option<PathBuf>,
        /// What all our keys begin with.
        prefix: String,
        /// FoundationDB's client library; the usual one where none is given.
        library: Option<PathBuf>,
    },
}

impl MetastoreLocation {
    /// Whether only one process at a time can have it open.
    pub fn is_embedded(&self) -> bool {
        match self {
            Self::Redb(_) => true,
            Self::Fdb { .. } => false,
        }
    }
}

impl fmt::Display for MetastoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redb(directory) => directory.display().fmt(f),
            Self::Fdb { cluster_file: Some(file), prefix, library: _ } => {
                write!(f, "FoundationDB {} (prefix {prefix})", file.display())
            }
            Self::Fdb { cluster_file: None, prefix, library: _ } => write!(f, "FoundationDB (prefix {prefix})"),
        }
    }
}

/// When and how the compactor works.
#[derive(Clone, Debug)]
pub struct CompactionSettings {
    /// Between two rounds.
    pub interval: Duration,
    /// Bytes of one partition worth a file.
    pub bytes_min: u64,
    /// Age at which they are written anyway.
    pub age_max: Duration,
    /// Size of a history file.
    pub file_bytes: u64,
    /// From retiring to deleting.
    pub retire_grace: Duration,
    /// Age of an orphan.
    pub orphan_age: Duration,
}

/// A value that makes no sense, named as the option is.
#[derive(Debug, Error)]
#[error("--{option} {value}: {reason}")]
pub struct InvalidSetting {
    option: &'static str,
    value: String,
    reason: String,
}

fn invalid(option: &'static str, value: impl ToString, reason: impl ToString) -> InvalidSetting {
    InvalidSetting { option, value: value.to_string(), reason: reason.to_string() }
}

impl TryFrom<Options> for Settings {
    type Error = InvalidSetting;

    fn try_from(options: Options) -> Result<Self, InvalidSetting> {
        let data_dir = options.data_dir.clone().unwrap_or_else(|| PathBuf::from("./alluvium-data"));
        let store = store(&options, &data_dir)?;
        let (linger, uploads_in_flight) = match store {
            StoreLocation::Local { .. } | StoreLocation::Memory => {
                (limits::LINGER_LOCAL, limits::UPLOADS_IN_FLIGHT_LOCAL_MAX)
            }
            StoreLocation::S3(_) => (limits::LINGER, limits::UPLOADS_IN_FLIGHT_MAX),
        };
        Ok(Self {
            store_retry: store_retry(&options)?,
            metastore: metastore(&options, &data_dir)?,
            kafka_listen: address("kafka-listen", options.kafka_listen.as_deref().unwrap_or("127.0.0.1:9092"))?,
            kafka_advertised: advertised("kafka-advertised", options.kafka_advertised.as_deref())?,
            http_listen: address("http-listen", options.http_listen.as_deref().unwrap_or("127.0.0.1:8080"))?,
            http_advertised: advertised("http-advertised", options.http_advertised.as_deref())?,
            connections_max: at_least_one("connections-max", options.connections_max, 10_000)?,
            node_id: options.node_id.map(node_id).transpose()?,
            linger: options.linger.map_or(linger, |span| span.0),
            segment_bytes: segment_bytes(&options)?,
            uploads_in_flight: at_least_one("uploads-in-flight", options.uploads_in_flight, uploads_in_flight)?,
            unflushed_bytes: unflushed_bytes(&options)?,
            cache_bytes: options.cache_bytes.map_or(CACHE_BYTES_DEFAULT, |size| size.0),
            auto_create_topics: options.auto_create_topics_enable.unwrap_or(true),
            num_partitions: num_partitions(options.num_partitions.unwrap_or(1))?,
            topic_delete_grace: options.topic_delete_grace.map_or(Duration::ZERO, |span| span.0),
            group_initial_rebalance_delay: options.group_initial_rebalance_delay.map_or(REBALANCE_DELAY, |span| span.0),
            group_session_timeouts: session_timeouts(&options)?,
            offsets_retention: options.offsets_retention.map_or(limits::OFFSETS_RETENTION, |span| span.0),
            compaction: compaction(&options)?,
            drain_timeout: options.drain_timeout.map_or(limits::DRAIN, |span| span.0),
            log: options.log.unwrap_or_else(|| "info".into()),
            log_json: options.log_format.as_deref() == Some("json"),
            rack: options.rack,
            store,
        })
    }
}

/// Memory for the block cache, where nothing else is said: a few seconds of a fast stream.
const CACHE_BYTES_DEFAULT: u64 = 256 << 20;
/// Kafka's `group.initial.rebalance.delay.ms`.
const REBALANCE_DELAY: Duration = Duration::from_secs(3);
/// Segments smaller than a typical batch would only cost requests; larger ones than this stall commits.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = (64 << 10)..=(64 << 20);

fn store(options: &Options, data_dir: &Path) -> Result<StoreLocation, InvalidSetting> {
    let Some(text) = options.store.as_deref() else {
        return Ok(StoreLocation::Local { directory: data_dir.join("objects") });
    };
    let location = StoreLocation::parse(text).map_err(|error| invalid("store", text, error))?;
    let StoreLocation::S3(bucket) = location else { return Ok(location) };
    Ok(StoreLocation::S3(S3Location {
        path_style: options.s3_path_style.unwrap_or(options.s3_endpoint.is_some()),
        allow_http: options.s3_endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")),
        endpoint: options.s3_endpoint.clone(),
        region: options.s3_region.clone(),
        ..bucket
    }))
}

/// Of the time for all tries, one may take so much (8 s of the default 20 s): a server that hangs is not the end.
const TRY_SHARE: f64 = 0.4;
const STORE_TIMEOUT_MIN: Duration = Duration::from_millis(100);

fn store_retry(options: &Options) -> Result<RetryPolicy, InvalidSetting> {
    let usual = RetryPolicy::default();
    let deadline = options.store_timeout.map_or(usual.deadline, |span| span.0);
    if deadline < STORE_TIMEOUT_MIN {
        return Err(invalid("store-timeout", Span(deadline), "must be at least 100ms"));
    }
    Ok(RetryPolicy { deadline, try_timeout: deadline.mul_f64(TRY_SHARE), ..usual })
}

/// Where several clusters share one FoundationDB, each says another.
const METASTORE_PREFIX_DEFAULT: &str = "alluvium";
/// It is in each key, and keys are short.
const METASTORE_PREFIX_BYTES_MAX: usize = 64;

fn metastore(options: &Options, data_dir: &Path) -> Result<MetastoreLocation, InvalidSetting> {
    let Some(text) = options.metastore.as_deref() else {
        return Ok(MetastoreLocation::Redb(data_dir.join("metastore")));
    };
    match text.split_once(':').map(|(scheme, rest)| (scheme, rest.strip_prefix("//").unwrap_or(rest))) {
        Some(("redb", directory)) if !directory.is_empty() => Ok(MetastoreLocation::Redb(directory.into())),
        Some(("fdb", file)) => Ok(MetastoreLocation::Fdb {
            cluster_file: (!file.is_empty()).then(|| file.into()),
            prefix: metastore_prefix(options.metastore_prefix.as_deref())?,
            library: options.fdb_library.clone(),
        }),
        _ => Err(invalid("metastore", text, "expected redb:DIR, or fdb:///path/to/fdb.cluster")),
    }
}

fn metastore_prefix(text: Option<&str>) -> Result<String, InvalidSetting> {
    let prefix = text.unwrap_or(METASTORE_PREFIX_DEFAULT);
    if !(1..=METASTORE_PREFIX_BYTES_MAX).contains(&prefix.len()) {
        return Err(invalid("metastore-prefix", prefix, "must have between 1 and 64 bytes"));
    }
    if !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("metastore-prefix", prefix, "must be of printable ASCII characters, without spaces"));
    }
    Ok(prefix.into())
}

fn address(option: &'static str, text: &str) -> Result<SocketAddr, InvalidSetting> {
    text.to_socket_addrs()
        .map_err(|error| invalid(option, text, format!("{error}; expected HOST:PORT")))?
        .next()
        .ok_or_else(|| invalid(option, text, "resolves to no address"))
}

fn advertised(option: &'static str, text: Option<&str>) -> Result<Option<(String, u16)>, InvalidSetting> {
    let Some(text) = text else { return Ok(None) };
    let (host, port) = text.rsplit_once(':').ok_or_else(|| invalid(option, text, "expected HOST:PORT"))?;
    let port = port.parse().map_err(|_| invalid(option, text, "the port is not a number up to 65535"))?;
    if host.is_empty() || port == 0 {
        return Err(invalid(option, text, "others need a host and a port to connect to"));
    }
    Ok(Some((host.trim_matches(['[', ']']).into(), port)))
}

fn node_id(id: i32) -> Result<AgentId, InvalidSetting> {
    if id < 0 { Err(invalid("node-id", id, "must not be negative")) } else { Ok(AgentId(id)) }
}

fn num_partitions(count: u32) -> Result<i32, InvalidSetting> {
    match i32::try_from(count) {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(invalid("num-partitions", count, "must be between 1 and 2147483647")),
    }
}

fn at_least_one(option: &'static str, count: Option<u32>, default: usize) -> Result<usize, InvalidSetting> {
    match count {
        None => Ok(default),
        Some(0) => Err(invalid(option, 0, "must be at least 1")),
        Some(count) => Ok(count as usize),
    }
}

fn segment_bytes(options: &Options) -> Result<usize, InvalidSetting> {
    let bytes = options.segment_bytes.map_or(limits::SEGMENT_BYTES_MAX as u64, |size| size.0);
    if !SEGMENT_BYTES.contains(&bytes) {
        return Err(invalid("segment-bytes", bytes, "must be between 64KiB and 64MiB"));
    }
    usize::try_from(bytes).map_err(|error| invalid("segment-bytes", bytes, error))
}

fn unflushed_bytes(options: &Options) -> Result<usize, InvalidSetting> {
    let bytes = match options.unflushed_bytes {
        Some(size) => usize::try_from(size.0).map_err(|error| invalid("unflushed-bytes", size, error))?,
        None => limits::UNFLUSHED_BYTES_MAX.min(crate::machine::memory_bytes() / 10),
    };
    if bytes < limits::SEGMENT_BYTES_MAX {
        return Err(invalid("unflushed-bytes", bytes, "must hold at least one segment, 8MiB"));
    }
    Ok(bytes)
}

fn session_timeouts(options: &Options) -> Result<(Duration, Duration), InvalidSetting> {
    let min = options.group_min_session_timeout.map_or(Duration::from_secs(6), |span| span.0);
    let max = options.group_max_session_timeout.map_or(Duration::from_secs(1_800), |span| span.0);
    if min > max {
        let min = humantime::format_duration(min);
        return Err(invalid("group-min-session-timeout", min, "is longer than --group-max-session-timeout"));
    }
    Ok((min, max))
}

fn compaction(options: &Options) -> Result<CompactionSettings, InvalidSetting> {
    let settings = CompactionSettings {
        interval: options.compaction_interval.map_or(Duration::from_secs(10), |span| span.0),
        bytes_min: options.compaction_bytes.map_or(32 << 20, |size| size.0),
        age_max: options.compaction_age.map_or(Duration::from_secs(300), |span| span.0),
        file_bytes: options.history_file_bytes.map_or(limits::HISTORY_FILE_BYTES_TARGET, |size| size.0),
        retire_grace: options.retire_grace.map_or(limits::RETIRE_GRACE, |span| span.0),
        orphan_age: options.orphan_age.map_or(limits::ORPHAN_AGE, |span| span.0),
    };
    if settings.interval.is_zero() {
        return Err(invalid("compaction-interval", "0s", "must be longer than nothing"));
    }
    if settings.orphan_age <= limits::COMMIT_AGE_MAX {
        let age = humantime::format_duration(settings.orphan_age);
        return Err(invalid("orphan-age", age, "must be over 10min, at which a late commit is refused"));
    }
    Ok(settings)
}
