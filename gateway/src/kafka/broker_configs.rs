//! The broker configs that Kafka's tools and user interfaces read, with this agent's values.

use std::time::Duration;

use alluvium_metastore::nodes::Node;
use alluvium_model::limits;
use alluvium_model::topic_config::{ConfigKind, definition};

use crate::config::AgentConfig;
use ConfigKind::{Boolean, Int, List, Long, Text};

/// One broker config: its name, type, value and documentation.
pub type BrokerConfig = (&'static str, ConfigKind, String, &'static str);

/// The broker configs of the agent `node`, sorted by name.
pub fn broker_configs(config: &AgentConfig, node: &Node) -> Vec<BrokerConfig> {
    let mut all = Vec::new();
    all.extend(identity(node));
    all.extend(topics(config));
    all.extend(limits_of(config));
    all.extend(groups(config));
    all.sort_unstable_by_key(|(name, ..)| *name);
    all
}

fn identity(node: &Node) -> [BrokerConfig; 8] {
    let id = node.id.to_string();
    let listener = node.kafka.as_ref().map(|kafka| format!("PLAINTEXT://{kafka}")).unwrap_or_default();
    let zone = node.zone.as_deref().unwrap_or_default().to_owned();
    [
        ("advertised.listeners", Text, listener.clone(), "Where clients are told to connect."),
        ("broker.id", Int, id.clone(), "This agent's id."),
        ("broker.rack", Text, zone, "This agent's zone."),
        ("listeners", Text, listener, "Where clients are told to connect."),
        ("log.dirs", Text, "object-store".into(), "Records are kept in the object store."),
        ("node.id", Int, id, "This agent's id."),
        ("process.roles", List, "broker".into(), "Agents are brokers; there is no controller."),
        ("inter.broker.protocol.version", Text, "4.0".into(), "The protocol's level, for tools that ask."),
    ]
}

fn topics(config: &AgentConfig) -> [BrokerConfig; 15] {
    let default = |name| definition(name).map_or_else(String::new, |def| def.default.to_owned());
    let doc = "Default of topics without their own.";
    [
        (
            "auto.create.topics.enable",
            Boolean,
            config.auto_create_topics.to_string(),
            "Whether asking for an unknown topic creates it.",
        ),
        ("compression.type", Text, default("compression.type"), doc),
        ("default.replication.factor", Int, config.default_replication_factor.to_string(), doc),
        ("delete.topic.enable", Boolean, config.delete_topic_enable.to_string(), "Whether topics can be deleted."),
        ("log.cleanup.policy", List, default("cleanup.policy"), doc),
        ("log.message.timestamp.type", Text, default("message.timestamp.type"), doc),
        ("log.retention.bytes", Long, default("retention.bytes"), doc),
        ("log.retention.hours", Int, "168".into(), doc),
        ("log.retention.ms", Long, default("retention.ms"), doc),
        ("log.roll.ms", Long, default("segment.ms"), doc),
        ("log.segment.bytes", Int, default("segment.bytes"), doc),
        ("message.max.bytes", Int, default("max.message.bytes"), doc),
        ("min.insync.replicas", Int, default("min.insync.replicas"), doc),
        ("num.partitions", Int, config.num_partitions.to_string(), doc),
        ("unclean.leader.election.enable", Boolean, default("unclean.leader.election.enable"), doc),
    ]
}

fn limits_of(config: &AgentConfig) -> [BrokerConfig; 7] {
    [
        (
            "connections.max.idle.ms",
            Long,
            ms(config.connections_idle_max),
            "After which silent connections are closed.",
        ),
        ("fetch.max.bytes", Int, config.fetch_bytes_max.to_string(), "Most bytes of one fetch."),
        ("max.connections", Int, config.connections_max.to_string(), "Connections open at once."),
        (
            "producer.id.expiration.ms",
            Int,
            ms(limits::PRODUCER_EXPIRY),
            "After which an idle idempotent producer is forgotten.",
        ),
        ("socket.request.max.bytes", Int, config.frame_bytes_max.to_string(), "Largest request."),
        ("transaction.max.timeout.ms", Int, ms(config.transaction_timeout_max), "Longest timeout of a transaction."),
        (
            "transactional.id.expiration.ms",
            Int,
            ms(config.transactional_id_expiration),
            "After which an idle transactional id is forgotten.",
        ),
    ]
}

fn groups(config: &AgentConfig) -> [BrokerConfig; 6] {
    let minutes = config.offsets_retention.as_secs() / 60;
    [
        (
            "group.initial.rebalance.delay.ms",
            Int,
            ms(config.group_initial_rebalance_delay),
            "How long a new group waits for more members.",
        ),
        ("group.max.session.timeout.ms", Int, ms(config.group_session_timeout_max), "Longest session timeout."),
        ("group.max.size", Int, config.group_size_max.to_string(), "Most members of a group."),
        ("group.min.session.timeout.ms", Int, ms(config.group_session_timeout_min), "Shortest session timeout."),
        ("offset.metadata.max.bytes", Int, config.offset_metadata_bytes_max.to_string(), "Most metadata of an offset."),
        ("offsets.retention.minutes", Int, minutes.to_string(), "How long offsets of an empty group are kept."),
    ]
}

fn ms(duration: Duration) -> String {
    duration.as_millis().to_string()
}
