//! The table of topic configs: Kafka 4.3's names, types, defaults and limits, with descriptions of our own.

use ConfigKind::{Boolean, Double, Int, List, Long, Text};
use Effect::{Honoured, Reported};

/// One config that a topic can carry.
#[derive(Clone, Copy, Debug)]
pub struct ConfigDef {
    /// Its name in Kafka.
    pub name: &'static str,
    /// The type of its value.
    pub kind: ConfigKind,
    /// The value if a topic does not override it.
    pub default: &'static str,
    /// The rule for legal values.
    pub rule: ValueRule,
    /// Whether it has an effect here.
    pub effect: Effect,
    /// Kafka's broker-wide setting of the same meaning, which `DescribeConfigs` returns as its synonym; `None` if Kafka
    /// has no default with that name (some in milliseconds, for which it has others in hours).
    pub synonym: Option<&'static str>,
    /// What it does here: the documentation that `DescribeConfigs` returns.
    pub doc: &'static str,
}

/// The type of a config's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigKind {
    /// `true` or `false`.
    Boolean,
    /// Any text.
    Text,
    /// A 32-bit number.
    Int,
    /// A 64-bit number.
    Long,
    /// A floating-point number.
    Double,
    /// Texts separated by commas.
    List,
}

/// A rule for the values of a config, besides its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRule {
    /// All values are legal.
    Any,
    /// Numbers of at least this.
    AtLeast(i64),
    /// Numbers from the first to the second, both included.
    Between(i64, i64),
    /// 1 to 9, or -1 for the codec's default.
    GzipLevel,
    /// 0 to 1.
    Fraction,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of these texts.
    ListOf(&'static [&'static str]),
    /// `*`, or a list of `partition:broker`.
    ThrottledReplicas,
}

/// Whether a config has an effect on Alluvium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It has its effect.
    Honoured,
    /// It is accepted, stored and shown, so that tools work, but has no effect: what it configures does not exist here.
    Reported,
}

/// The definition of the config `name`; `None` if there is no such config.
#[must_use]
pub fn definition(name: &str) -> Option<&'static ConfigDef> {
    DEFINITIONS.binary_search_by(|def| def.name.cmp(name)).ok().map(|at| &DEFINITIONS[at])
}

const MAX_LONG: &str = "9223372036854775807";

const fn def(
    (name, kind, default): (&'static str, ConfigKind, &'static str),
    rule: ValueRule,
    effect: Effect,
    synonym: Option<&'static str>,
    doc: &'static str,
) -> ConfigDef {
    ConfigDef { name, kind, default, rule, effect, synonym, doc }
}

/// The definitions of all topic configs, sorted by name.
pub static DEFINITIONS: [ConfigDef; 33] = [
    def(
        ("cleanup.policy", List, "delete"),
        ValueRule::ListOf(&["compact", "delete"]),
        Honoured,
        Some("log.cleanup.policy"),
        "How old records go. With `delete`: by age and size. With `compact`: every record must have a key; older \
         records of a key are still kept. With neither, or `compact` alone, records stay for ever.",
    ),
    def(
        ("compression.gzip.level", Int, "-1"),
        ValueRule::GzipLevel,
        Reported,
        Some("compression.gzip.level"),
        "No effect: batches are stored as the producer compressed them.",
    ),
    def(
        ("compression.lz4.level", Int, "9"),
        ValueRule::Between(1, 17),
        Reported,
        Some("compression.lz4.level"),
        "No effect: batches are stored as the producer compressed them.",
    ),
    def(
        ("compression.type", Text, "producer"),
        ValueRule::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        Reported,
        Some("compression.type"),
        "Batches are always stored as the producer compressed them, whatever this says; history files use zstd.",
    ),
    def(
        ("compression.zstd.level", Int, "3"),
        ValueRule::Between(-131_072, 22),
        Reported,
        Some("compression.zstd.level"),
        "No effect: batches are stored as the producer compressed them.",
    ),
    def(
        ("delete.retention.ms", Long, "86400000"),
        ValueRule::AtLeast(0),
        Reported,
        Some("log.cleaner.delete.retention.ms"),
        "No effect yet: older records of a key, and tombstones, are kept.",
    ),
    def(
        ("file.delete.delay.ms", Long, "60000"),
        ValueRule::AtLeast(0),
        Reported,
        Some("log.segment.delete.delay.ms"),
        "No effect: objects are deleted after the store's own grace period.",
    ),
    def(
        ("flush.messages", Long, MAX_LONG),
        ValueRule::AtLeast(1),
        Reported,
        Some("log.flush.interval.messages"),
        "No effect: every record is durable before it is acknowledged.",
    ),
    def(
        ("flush.ms", Long, MAX_LONG),
        ValueRule::AtLeast(0),
        Reported,
        None,
        "No effect: every record is durable before it is acknowledged.",
    ),
    def(
        ("follower.replication.throttled.replicas", List, ""),
        ValueRule::ThrottledReplicas,
        Reported,
        None,
        "No effect: there is no replication between agents.",
    ),
    def(
        ("index.interval.bytes", Int, "4096"),
        ValueRule::AtLeast(0),
        Reported,
        Some("log.index.interval.bytes"),
        "No effect: offsets are indexed in the metastore.",
    ),
    def(
        ("leader.replication.throttled.replicas", List, ""),
        ValueRule::ThrottledReplicas,
        Reported,
        None,
        "No effect: there is no replication between agents.",
    ),
    def(
        ("local.retention.bytes", Long, "-2"),
        ValueRule::AtLeast(-2),
        Reported,
        Some("log.local.retention.bytes"),
        "No effect: no record is kept on local disks.",
    ),
    def(
        ("local.retention.ms", Long, "-2"),
        ValueRule::AtLeast(-2),
        Reported,
        Some("log.local.retention.ms"),
        "No effect: no record is kept on local disks.",
    ),
    def(
        ("max.compaction.lag.ms", Long, MAX_LONG),
        ValueRule::AtLeast(1),
        Reported,
        Some("log.cleaner.max.compaction.lag.ms"),
        "Checked against min.compaction.lag.ms; no effect otherwise.",
    ),
    def(
        ("max.message.bytes", Int, "1048588"),
        ValueRule::AtLeast(0),
        Honoured,
        Some("message.max.bytes"),
        "Largest record batch accepted, in bytes as sent (compressed, with its 61-byte header).",
    ),
    def(
        ("message.timestamp.after.max.ms", Long, "3600000"),
        ValueRule::AtLeast(0),
        Honoured,
        Some("log.message.timestamp.after.max.ms"),
        "How far in the future a record's own timestamp may lie, ms. Ignored with LogAppendTime.",
    ),
    def(
        ("message.timestamp.before.max.ms", Long, MAX_LONG),
        ValueRule::AtLeast(0),
        Honoured,
        Some("log.message.timestamp.before.max.ms"),
        "How far in the past a record's own timestamp may lie, ms. Ignored with LogAppendTime.",
    ),
    def(
        ("message.timestamp.type", Text, "CreateTime"),
        ValueRule::OneOf(&["CreateTime", "LogAppendTime"]),
        Honoured,
        Some("log.message.timestamp.type"),
        "Whose timestamp a record carries: the producer's (CreateTime) or the time of its append (LogAppendTime).",
    ),
    def(
        ("min.cleanable.dirty.ratio", Double, "0.5"),
        ValueRule::Fraction,
        Reported,
        Some("log.cleaner.min.cleanable.ratio"),
        "No effect: the compactor has its own policy.",
    ),
    def(
        ("min.compaction.lag.ms", Long, "0"),
        ValueRule::AtLeast(0),
        Reported,
        Some("log.cleaner.min.compaction.lag.ms"),
        "Checked against max.compaction.lag.ms; no effect yet, since older records of a key are kept.",
    ),
    def(
        ("min.insync.replicas", Int, "1"),
        ValueRule::AtLeast(1),
        Reported,
        Some("min.insync.replicas"),
        "No effect: an acknowledged record is in the object store, which replicates it.",
    ),
    def(
        ("preallocate", Boolean, "false"),
        ValueRule::Any,
        Reported,
        Some("log.preallocate"),
        "No effect: there are no log files.",
    ),
    def(
        ("remote.log.copy.disable", Boolean, "false"),
        ValueRule::Any,
        Reported,
        None,
        "No effect: every record is in the object store anyway.",
    ),
    def(
        ("remote.log.delete.on.disable", Boolean, "false"),
        ValueRule::Any,
        Reported,
        None,
        "No effect: every record is in the object store anyway.",
    ),
    def(
        ("remote.storage.enable", Boolean, "false"),
        ValueRule::Any,
        Reported,
        None,
        "No effect: every record is in the object store anyway.",
    ),
    def(
        ("retention.bytes", Long, "-1"),
        ValueRule::Any,
        Honoured,
        Some("log.retention.bytes"),
        "Size of a partition over which its oldest records go, bytes; negative for no limit.",
    ),
    def(
        ("retention.ms", Long, "604800000"),
        ValueRule::AtLeast(-1),
        Honoured,
        None,
        "Age over which records go, ms; -1 for no limit.",
    ),
    def(
        ("segment.bytes", Int, "1073741824"),
        ValueRule::AtLeast(1_048_576),
        Honoured,
        Some("log.segment.bytes"),
        "Size of the groups of records that go together once their newest is older than retention.ms, bytes.",
    ),
    def(
        ("segment.index.bytes", Int, "10485760"),
        ValueRule::AtLeast(4),
        Reported,
        Some("log.index.size.max.bytes"),
        "No effect: offsets are indexed in the metastore.",
    ),
    def(
        ("segment.jitter.ms", Long, "0"),
        ValueRule::AtLeast(0),
        Reported,
        None,
        "No effect: segments are sealed by the agent's flush policy.",
    ),
    def(
        ("segment.ms", Long, "604800000"),
        ValueRule::AtLeast(1),
        Honoured,
        None,
        "Time that the groups of records span that go together once their newest is older than retention.ms, ms.",
    ),
    def(
        ("unclean.leader.election.enable", Boolean, "false"),
        ValueRule::Any,
        Reported,
        Some("unclean.leader.election.enable"),
        "No effect: partitions have no leader to lose.",
    ),
];
