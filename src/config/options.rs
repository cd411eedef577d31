//! Every option as a user writes it. One declaration serves the flags, the environment, the file, the documents and the
//! defaults.

use std::path::PathBuf;

use alluvium_compactor::CompactorConfig;
use alluvium_gateway::config::AgentConfig;
use alluvium_model::limits;
use alluvium_objects::RetryPolicy;
use clap::{Arg, Args};
use serde::{Deserialize, Serialize};

use super::units::{Size, Span};

/// Values of `--log-format`.
const FORMATS: [&str; 2] = ["text", "json"];

/// Declares the options, each with its one default:
///
/// ```text
/// pub name: Option<Type> = default;           always has a value
/// pub name: Option<Type> => "text";           may be absent; the text says what is used then
/// pub name: Option<Type>;                     may be absent
/// ```
macro_rules! options {
    ($(
        $(#[$($attribute:tt)*])*
        pub $name:ident: Option<$type:ty> $(= $default:expr)? $(=> $text:expr)?;
    )*) => {
        /// Options as written; `None` means "not set here".
        #[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        #[command(mut_args(with_default_in_help))]
        pub struct Options {
            $($(#[$($attribute)*])* pub $name: Option<$type>,)*
        }

        /// Options with their defaults filled in. `None` only where the default depends on other options or on the
        /// machine.
        pub(super) struct Resolved {
            $(pub $name: resolved!(type $type $(, $default)?),)*
        }

        impl Options {
            /// Fields in the order of their declaration.
            #[cfg(test)]
            pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Fills in the defaults.
            pub(super) fn resolve(self) -> Resolved {
                Resolved { $($name: resolved!(value self.$name $(, $default)?),)* }
            }

            /// The default of the option whose field is `name`.
            pub(super) fn default_of(name: &str) -> DefaultValue {
                match name {
                    $(stringify!($name) => resolved!(default $(= $default)? $(=> $text)?),)*
                    _ => DefaultValue::None,
                }
            }
        }
    };
}

macro_rules! resolved {
    (type $type:ty) => { Option<$type> };
    (type $type:ty, $default:expr) => { $type };
    (value $value:expr) => { $value };
    (value $value:expr, $default:expr) => { $value.unwrap_or_else(|| $default) };
    (default) => { DefaultValue::None };
    (default = $default:expr) => { DefaultValue::value(&$default) };
    (default => $text:expr) => { DefaultValue::Text($text.to_string()) };
}

/// What holds if an option is not set, as documents show it.
#[derive(Debug)]
pub(super) enum DefaultValue {
    /// Nothing.
    None,
    /// This value, as it is written in a file.
    Value(toml::Value),
    /// What this text says.
    Text(String),
}

impl DefaultValue {
    fn value(value: &impl Serialize) -> Self {
        toml::Value::try_from(value).map_or(Self::None, Self::Value)
    }
}

fn with_default_in_help(arg: Arg) -> Arg {
    let default = match Options::default_of(arg.get_id().as_str()) {
        DefaultValue::None => return arg,
        DefaultValue::Value(toml::Value::String(text)) | DefaultValue::Text(text) => text,
        DefaultValue::Value(value) => value.to_string(),
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    arg.help(format!("{help} [default: {default}]"))
}

options! {
    /// Directory of all local data: the embedded metastore and, unless --store is set, the objects
    #[arg(long, env = "ALLUVIUM_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf> = PathBuf::from("./alluvium-data");

    /// Where objects live: a directory, or s3://bucket/prefix
    #[arg(long, env = "ALLUVIUM_STORE", value_name = "LOCATION", help_heading = "Object store")]
    pub store: Option<String> => "<data-dir>/objects";
    /// Address of an S3-compatible server instead of AWS, such as http://127.0.0.1:8333
    #[arg(long, env = "ALLUVIUM_S3_ENDPOINT", value_name = "URL", help_heading = "Object store")]
    pub s3_endpoint: Option<String>;
    /// Region of the bucket
    #[arg(long, env = "ALLUVIUM_S3_REGION", value_name = "REGION", help_heading = "Object store")]
    pub s3_region: Option<String> => "that of the AWS configuration, else us-east-1";
    /// Name the bucket in the path (http://host/bucket) instead of the host
    #[arg(long, env = "ALLUVIUM_S3_PATH_STYLE", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true",
          help_heading = "Object store")]
    pub s3_path_style: Option<bool> => "true with --s3-endpoint";
    /// Time limit for writing or reading one object, over all tries; then producers and consumers get a retriable error
    #[arg(long, env = "ALLUVIUM_STORE_TIMEOUT", value_name = "TIME", help_heading = "Object store")]
    pub store_timeout: Option<Span> = Span(RetryPolicy::default().deadline);
    /// Where offsets, groups and topics live: redb:DIR (the embedded store, one process) or fdb:///path/to/fdb.cluster
    /// (FoundationDB, many processes; fdb: alone means its default cluster file)
    #[arg(long, env = "ALLUVIUM_METASTORE", value_name = "LOCATION", help_heading = "Metastore")]
    pub metastore: Option<String> => "redb:<data-dir>/metastore";
    /// Prefix of all keys in FoundationDB; clusters with different prefixes can share one FoundationDB
    #[arg(long, env = "ALLUVIUM_METASTORE_PREFIX", value_name = "TEXT", help_heading = "Metastore")]
    pub metastore_prefix: Option<String> = "alluvium".to_owned();
    /// Path of FoundationDB's client library
    #[arg(long, env = "ALLUVIUM_FDB_LIBRARY", value_name = "FILE", help_heading = "Metastore")]
    pub fdb_library: Option<PathBuf> => "lib/libfdb_c.so of FDB_HOME, else the system's";

    /// Address to listen on for Kafka clients
    #[arg(long, env = "ALLUVIUM_KAFKA_LISTEN", value_name = "HOST:PORT", help_heading = "Listeners")]
    pub kafka_listen: Option<String> = "127.0.0.1:9092".to_owned();
    /// Address that Kafka clients connect to, as Metadata answers it
    #[arg(long, env = "ALLUVIUM_KAFKA_ADVERTISED", value_name = "HOST:PORT", help_heading = "Listeners")]
    pub kafka_advertised: Option<String> => "that of --kafka-listen";
    /// Address to listen on for HTTP: health, metrics, produce and read
    #[arg(long, env = "ALLUVIUM_HTTP_LISTEN", value_name = "HOST:PORT", help_heading = "Listeners")]
    pub http_listen: Option<String> = "127.0.0.1:8080".to_owned();
    /// HTTP address that other agents connect to
    #[arg(long, env = "ALLUVIUM_HTTP_ADVERTISED", value_name = "HOST:PORT", help_heading = "Listeners")]
    pub http_advertised: Option<String> => "that of --http-listen";
    /// Kafka connections served at once; more wait to be accepted
    #[arg(long, env = "ALLUVIUM_CONNECTIONS_MAX", value_name = "N", help_heading = "Listeners")]
    pub connections_max: Option<u32> = count(AgentConfig::default().connections_max);
    /// Broker id of this agent in Kafka's protocol; a running agent with the same id is replaced
    #[arg(long, env = "ALLUVIUM_NODE_ID", value_name = "N", help_heading = "Agents")]
    pub node_id: Option<i32> => "the lowest that is free";
    /// Availability zone of this agent (Kafka's broker.rack); clients are directed to agents of their own zone
    #[arg(long, visible_alias = "zone", env = "ALLUVIUM_RACK", value_name = "ZONE", help_heading = "Agents")]
    pub rack: Option<String>;
    /// Pause between two heartbeats of this process; short ones cost commits of the metastore
    #[arg(long, env = "ALLUVIUM_HEARTBEAT_INTERVAL", value_name = "TIME", help_heading = "Agents")]
    pub heartbeat_interval: Option<Span> = Span(limits::HEARTBEAT_INTERVAL);
    /// Time without a heartbeat after which this process is considered dead, and others take over its groups and leases
    #[arg(long, env = "ALLUVIUM_HEARTBEAT_EXPIRY", value_name = "TIME", help_heading = "Agents")]
    pub heartbeat_expiry: Option<Span> = Span(limits::NODE_EXPIRY);

    /// Average time between two PUTs under load: longer is cheaper, shorter is faster
    #[arg(long, env = "ALLUVIUM_LINGER", value_name = "TIME", help_heading = "Writing")]
    pub linger: Option<Span> =>
        format!("{} on S3, {} in a directory", Span(limits::LINGER), Span(limits::LINGER_LOCAL));
    /// Size at which a segment is sealed
    #[arg(long, env = "ALLUVIUM_SEGMENT_BYTES", value_name = "SIZE", help_heading = "Writing")]
    pub segment_bytes: Option<Size> = Size(AgentConfig::default().segment_bytes_max as u64);
    /// Segments uploaded concurrently
    #[arg(long, env = "ALLUVIUM_UPLOADS_IN_FLIGHT", value_name = "N", help_heading = "Writing")]
    pub uploads_in_flight: Option<u32> => format!(
        "{} on S3, {} in a directory", limits::UPLOADS_IN_FLIGHT_MAX, limits::UPLOADS_IN_FLIGHT_LOCAL_MAX
    );
    /// Produced bytes that may be unacknowledged at once; above this, the agent stops reading from sockets
    #[arg(long, env = "ALLUVIUM_UNFLUSHED_BYTES", value_name = "SIZE", help_heading = "Writing")]
    pub unflushed_bytes: Option<Size> => format!("10% of memory, at most {}", Size(limits::UNFLUSHED_BYTES_MAX as u64));
    /// Producers are throttled once what waits for compaction takes more than half of this to compact; 0s: never
    #[arg(long, env = "ALLUVIUM_COMPACTION_DELAY_MAX", value_name = "TIME", help_heading = "Writing")]
    pub compaction_delay_max: Option<Span> = Span(AgentConfig::default().compaction_delay_max);

    /// Memory for cached record bytes, all caches together
    #[arg(long, env = "ALLUVIUM_CACHE_BYTES", value_name = "SIZE", help_heading = "Reading")]
    pub cache_bytes: Option<Size> = Size(AgentConfig::default().cache_bytes);
    /// Memory for answers until they are written to their sockets, all clients together; above this, answers wait
    #[arg(long, env = "ALLUVIUM_ANSWER_BYTES", value_name = "SIZE", help_heading = "Reading")]
    pub answer_bytes: Option<Size> = Size(AgentConfig::default().answer_bytes_max as u64);

    /// Create a topic when a client first uses its name
    #[arg(long, env = "ALLUVIUM_AUTO_CREATE_TOPICS_ENABLE", value_name = "BOOL", help_heading = "Topics")]
    pub auto_create_topics_enable: Option<bool> = AgentConfig::default().auto_create_topics;
    /// Partitions of a topic that is created without a partition count
    #[arg(long, env = "ALLUVIUM_NUM_PARTITIONS", value_name = "N", help_heading = "Topics")]
    pub num_partitions: Option<u32> = AgentConfig::default().num_partitions.unsigned_abs();
    /// Time between deleting a topic and purging its records
    #[arg(long, env = "ALLUVIUM_TOPIC_DELETE_GRACE", value_name = "TIME", help_heading = "Topics")]
    pub topic_delete_grace: Option<Span> = Span(AgentConfig::default().topic_delete_grace);

    /// Time that a new consumer group waits for more members (Kafka's group.initial.rebalance.delay.ms)
    #[arg(long, env = "ALLUVIUM_GROUP_INITIAL_REBALANCE_DELAY", value_name = "TIME", help_heading = "Groups")]
    pub group_initial_rebalance_delay: Option<Span> = Span(AgentConfig::default().group_initial_rebalance_delay);
    /// Shortest session timeout that a group member may request
    #[arg(long, env = "ALLUVIUM_GROUP_MIN_SESSION_TIMEOUT", value_name = "TIME", help_heading = "Groups")]
    pub group_min_session_timeout: Option<Span> = Span(AgentConfig::default().group_session_timeout_min);
    /// Longest session timeout that a group member may request
    #[arg(long, env = "ALLUVIUM_GROUP_MAX_SESSION_TIMEOUT", value_name = "TIME", help_heading = "Groups")]
    pub group_max_session_timeout: Option<Span> = Span(AgentConfig::default().group_session_timeout_max);
    /// Time that committed offsets are kept after their group's last member has left
    #[arg(long, env = "ALLUVIUM_OFFSETS_RETENTION", value_name = "TIME", help_heading = "Groups")]
    pub offsets_retention: Option<Span> = Span(AgentConfig::default().offsets_retention);

    /// Longest timeout that a transactional producer may ask for (Kafka's transaction.max.timeout.ms)
    #[arg(long, env = "ALLUVIUM_TRANSACTION_MAX_TIMEOUT", value_name = "TIME", help_heading = "Transactions")]
    pub transaction_max_timeout: Option<Span> = Span(AgentConfig::default().transaction_timeout_max);
    /// Time after which an idle transactional id is forgotten (Kafka's transactional.id.expiration.ms)
    #[arg(long, env = "ALLUVIUM_TRANSACTIONAL_ID_EXPIRATION", value_name = "TIME", help_heading = "Transactions")]
    pub transactional_id_expiration: Option<Span> = Span(AgentConfig::default().transactional_id_expiration);

    /// Pause between two looks of the compactor for work that is due
    #[arg(long, env = "ALLUVIUM_COMPACTION_INTERVAL", value_name = "TIME", help_heading = "History")]
    pub compaction_interval: Option<Span> = Span(CompactorConfig::default().interval);
    /// Pause between two checks of retention (Kafka's log.retention.check.interval.ms)
    #[arg(long, env = "ALLUVIUM_RETENTION_CHECK_INTERVAL", value_name = "TIME", help_heading = "History")]
    pub retention_check_interval: Option<Span> = Span(CompactorConfig::default().retention_check_interval);
    /// Bytes of one partition that are compacted into a history file before --compaction-age is reached
    #[arg(long, env = "ALLUVIUM_COMPACTION_BYTES", value_name = "SIZE", help_heading = "History")]
    pub compaction_bytes: Option<Size> = Size(CompactorConfig::default().compact_bytes_min);
    /// Age at which records are compacted into a history file; by default up to 20min while they are less than 1 MiB
    #[arg(long, env = "ALLUVIUM_COMPACTION_AGE", value_name = "TIME", help_heading = "History")]
    pub compaction_age: Option<Span> = Span(CompactorConfig::default().compact_age_max);
    /// Target size of a history file
    #[arg(long, env = "ALLUVIUM_HISTORY_FILE_BYTES", value_name = "SIZE", help_heading = "History")]
    pub history_file_bytes: Option<Size> = Size(CompactorConfig::default().file_bytes_target);
    /// Time between retiring an object and deleting it
    #[arg(long, env = "ALLUVIUM_RETIRE_GRACE", value_name = "TIME", help_heading = "History")]
    pub retire_grace: Option<Span> = Span(CompactorConfig::default().retire_grace);
    /// Age at which an object that the metastore does not know is deleted
    #[arg(long, env = "ALLUVIUM_ORPHAN_AGE", value_name = "TIME", help_heading = "History")]
    pub orphan_age: Option<Span> = Span(CompactorConfig::default().orphan_age);

    /// Time limit for requests in flight to finish after Ctrl-C or SIGTERM
    #[arg(long, env = "ALLUVIUM_DRAIN_TIMEOUT", value_name = "TIME", help_heading = "Process")]
    pub drain_timeout: Option<Span> = Span(limits::DRAIN);
    /// What is logged: error, warn, info, debug, trace, or target=level pairs
    #[arg(long, env = "ALLUVIUM_LOG", value_name = "FILTER", help_heading = "Process")]
    pub log: Option<String> = "info".to_owned();
    /// Format of log lines
    #[arg(long, env = "ALLUVIUM_LOG_FORMAT", value_name = "FORMAT", value_parser = FORMATS, help_heading = "Process")]
    pub log_format: Option<String> = "text".to_owned();
}

/// A count that is declared as `usize` and written as `u32`.
fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
