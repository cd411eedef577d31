//! Every option as a user writes it: one declaration serves the flags, the environment and the file.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::units::{Size, Span};

/// Options as written; `None` means "not said here".
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// Directory of everything that is kept locally: the embedded metastore and, unless --store says otherwise, the objects
    /// [default: ./alluvium-data]
    #[arg(long, env = "ALLUVIUM_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Where objects live: a directory, or s3://bucket/prefix [default: <data-dir>/objects]
    #[arg(long, env = "ALLUVIUM_STORE", value_name = "LOCATION", help_heading = "Object store")]
    pub store: Option<String>,
    /// Address of an S3-compatible server instead of AWS, such as http://127.0.0.1:8333
    #[arg(long, env = "ALLUVIUM_S3_ENDPOINT", value_name = "URL", help_heading = "Object store")]
    pub s3_endpoint: Option<String>,
    /// Region of the bucket [default: what the AWS configuration says, else us-east-1]
    #[arg(long, env = "ALLUVIUM_S3_REGION", value_name = "REGION", help_heading = "Object store")]
    pub s3_region: Option<String>,
    /// Name the bucket in the path (http://host/bucket) instead of the host [default: true with --s3-endpoint]
    #[arg(long, env = "ALLUVIUM_S3_PATH_STYLE", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true",
          help_heading = "Object store")]
    pub s3_path_style: Option<bool>,
    /// Time for one object to be written or read, all tries together; then producers and consumers are told to try again
    /// [default: 20s]
    #[arg(long, env = "ALLUVIUM_STORE_TIMEOUT", value_name = "TIME", help_heading = "Object store")]
    pub store_timeout: Option<Span>,
    /// Where offsets, groups and topics live: redb:DIR, the embedded store, for one process; or fdb:///path/to/fdb.cluster,
    /// FoundationDB, for many (fdb: is its default cluster file) [default: redb:<data-dir>/metastore]
    #[arg(long, env = "ALLUVIUM_METASTORE", value_name = "LOCATION", help_heading = "Metastore")]
    pub metastore: Option<String>,
    /// What all keys in FoundationDB begin with: clusters with different prefixes share one FoundationDB
    /// [default: alluvium]
    #[arg(long, env = "ALLUVIUM_METASTORE_PREFIX", value_name = "TEXT", help_heading = "Metastore")]
    pub metastore_prefix: Option<String>,
    /// FoundationDB's client library [default: lib/libfdb_c.so of FDB_HOME, else the system's]
    #[arg(long, env = "ALLUVIUM_FDB_LIBRARY", value_name = "FILE", help_heading = "Metastore")]
    pub fdb_library: Option<PathBuf>,

    /// Address on which Kafka clients are served [default: 127.0.0.1:9092]
    #[arg(long, env = "ALLUVIUM_KAFKA_LISTEN", value_name = "HOST:PORT", help_heading = "Listeners")]
    pub kafka_listen: Option<String>,
    /// Address that Kafka clients are told to connect to [default: that of --kafka-listen]
    #[arg(long, env = "ALLUVIUM_KAFKA_ADVERTISED", value_name = "HOST:PORT", help_heading = "Listeners")]
    pub kafka_advertised: Option<String>,
    /// Address of HTTP: health, metrics, produce and read [default: 127.0.0.1:8080]
    #[arg(long, env = "ALLUVIUM_HTTP_LISTEN", value_name = "HOST:PORT", help_heading = "Listeners")]
    pub http_listen: Option<String>,
    /// Address of HTTP that other agents are told [default: that of --http-listen]
    #[arg(long, env = "ALLUVIUM_HTTP_ADVERTISED", value_name = "HOST:PORT", help_heading = "Listeners")]
    pub http_advertised: Option<String>,
    /// Kafka connections served at once; more wait to be accepted [default: 10000]
    #[arg(long, env = "ALLUVIUM_CONNECTIONS_MAX", value_name = "N", help_heading = "Listeners")]
    pub connections_max: Option<u32>,
    /// Number of this agent among Kafka's brokers; a running one with the same number is replaced
    /// [default: the lowest that is free]
    #[arg(long, env = "ALLUVIUM_NODE_ID", value_name = "N", help_heading = "Agents")]
    pub node_id: Option<i32>,
    /// Availability zone of this agent, told to clients as broker.rack: they are sent to agents of their own zone
    #[arg(long, visible_alias = "zone", env = "ALLUVIUM_RACK", value_name = "ZONE", help_heading = "Agents")]
    pub rack: Option<String>,

    /// Time that earns one more PUT: longer is cheaper, shorter is faster [default: 250ms on S3, 1ms in a directory]
    #[arg(long, env = "ALLUVIUM_LINGER", value_name = "TIME", help_heading = "Writing")]
    pub linger: Option<Span>,
    /// Size at which a segment is sealed [default: 8MiB]
    #[arg(long, env = "ALLUVIUM_SEGMENT_BYTES", value_name = "SIZE", help_heading = "Writing")]
    pub segment_bytes: Option<Size>,
    /// Segments uploading at once [default: 8 on S3, 2 in a directory]
    #[arg(long, env = "ALLUVIUM_UPLOADS_IN_FLIGHT", value_name = "N", help_heading = "Writing")]
    pub uploads_in_flight: Option<u32>,
    /// Bytes taken from producers and not yet acknowledged, over which reading from sockets stops
    /// [default: 10% of memory, at most 1GiB]
    #[arg(long, env = "ALLUVIUM_UNFLUSHED_BYTES", value_name = "SIZE", help_heading = "Writing")]
    pub unflushed_bytes: Option<Size>,

    /// Memory for blocks read from the object store [default: 256MiB]
    #[arg(long, env = "ALLUVIUM_CACHE_BYTES", value_name = "SIZE", help_heading = "Reading")]
    pub cache_bytes: Option<Size>,

    /// Create a topic when a client first names it [default: true]
    #[arg(long, env = "ALLUVIUM_AUTO_CREATE_TOPICS_ENABLE", value_name = "BOOL", help_heading = "Topics")]
    pub auto_create_topics_enable: Option<bool>,
    /// Partitions of a topic created without a number [default: 1]
    #[arg(long, env = "ALLUVIUM_NUM_PARTITIONS", value_name = "N", help_heading = "Topics")]
    pub num_partitions: Option<u32>,
    /// Time from deleting a topic to purging its records [default: 0s]
    #[arg(long, env = "ALLUVIUM_TOPIC_DELETE_GRACE", value_name = "TIME", help_heading = "Topics")]
    pub topic_delete_grace: Option<Span>,

    /// Time that a new group waits for more members [default: 3s, as Kafka's group.initial.rebalance.delay.ms]
    #[arg(long, env = "ALLUVIUM_GROUP_INITIAL_REBALANCE_DELAY", value_name = "TIME", help_heading = "Groups")]
    pub group_initial_rebalance_delay: Option<Span>,
    /// Shortest session timeout that a member may ask for [default: 6s]
    #[arg(long, env = "ALLUVIUM_GROUP_MIN_SESSION_TIMEOUT", value_name = "TIME", help_heading = "Groups")]
    pub group_min_session_timeout: Option<Span>,
    /// Longest session timeout that a member may ask for [default: 30min]
    #[arg(long, env = "ALLUVIUM_GROUP_MAX_SESSION_TIMEOUT", value_name = "TIME", help_heading = "Groups")]
    pub group_max_session_timeout: Option<Span>,
    /// Time that committed offsets outlive their group's last member [default: 7days]
    #[arg(long, env = "ALLUVIUM_OFFSETS_RETENTION", value_name = "TIME", help_heading = "Groups")]
    pub offsets_retention: Option<Span>,

    /// Time between two rounds of the compactor [default: 10s]
    #[arg(long, env = "ALLUVIUM_COMPACTION_INTERVAL", value_name = "TIME", help_heading = "History")]
    pub compaction_interval: Option<Span>,
    /// Bytes of one partition that are worth a history file before --compaction-age is reached [default: 32MiB]
    #[arg(long, env = "ALLUVIUM_COMPACTION_BYTES", value_name = "SIZE", help_heading = "History")]
    pub compaction_bytes: Option<Size>,
    /// Age at which records become history however few they are [default: 5min]
    #[arg(long, env = "ALLUVIUM_COMPACTION_AGE", value_name = "TIME", help_heading = "History")]
    pub compaction_age: Option<Span>,
    /// Size that history files are written up to [default: 128MiB]
    #[arg(long, env = "ALLUVIUM_HISTORY_FILE_BYTES", value_name = "SIZE", help_heading = "History")]
    pub history_file_bytes: Option<Size>,
    /// Time from retiring an object to deleting it [default: 10min]
    #[arg(long, env = "ALLUVIUM_RETIRE_GRACE", value_name = "TIME", help_heading = "History")]
    pub retire_grace: Option<Span>,
    /// Age at which an object unknown to the metastore is deleted [default: 24h]
    #[arg(long, env = "ALLUVIUM_ORPHAN_AGE", value_name = "TIME", help_heading = "History")]
    pub orphan_age: Option<Span>,

    /// Time for requests in flight to finish after Ctrl-C or SIGTERM [default: 300s]
    #[arg(long, env = "ALLUVIUM_DRAIN_TIMEOUT", value_name = "TIME", help_heading = "Process")]
    pub drain_timeout: Option<Span>,
    /// What to log: error, warn, info, debug, trace, or target=level pairs [default: info]
    #[arg(long, env = "ALLUVIUM_LOG", value_name = "FILTER", help_heading = "Process")]
    pub log: Option<String>,
    /// How to log [default: text]
    #[arg(long, env = "ALLUVIUM_LOG_FORMAT", value_name = "FORMAT", value_parser = ["text", "json"], help_heading = "Process")]
    pub log_format: Option<String>,
}
