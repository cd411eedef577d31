//! Configs as Kafka's tools see them: the resource they belong to, their value, and its source.

use alluvium_metastore::topics::Topic;
use alluvium_model::topic_config::{ConfigKind, DEFINITIONS, canonical};
use alluvium_wire::ErrorCode;

use super::broker_configs::broker_configs;
use super::errors::ApiError;
use crate::agent::Agent;

/// The kind of thing that has configs (Kafka's `ConfigResource.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A topic.
    Topic,
    /// An agent.
    Broker,
    /// The log levels of an agent.
    BrokerLogger,
    /// A subscription to clients' metrics.
    ClientMetrics,
    /// A consumer group.
    Group,
}

/// Where a config's value comes from (Kafka's `ConfigEntry.ConfigSource`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// An override of the topic.
    Topic,
    /// The agent's configuration.
    Broker,
    /// The default.
    Default,
}

/// One config and its value.
#[derive(Clone, Debug)]
pub struct ConfigEntry {
    /// Kafka's name of the config.
    pub name: &'static str,
    /// The value in force.
    pub value: String,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// The value without any override.
    pub default: String,
    /// The name of the broker config that gives the default, if there is one.
    pub synonym: Option<&'static str>,
    /// The type of the value.
    pub kind: ConfigKind,
    /// Whether clients cannot alter it.
    pub read_only: bool,
    /// What it means, for people.
    pub doc: &'static str,
}

impl Resource {
    /// The resource type of Kafka's `code`.
    pub fn of(code: i8) -> Result<Self, ApiError> {
        match code {
            2 => Ok(Self::Topic),
            4 => Ok(Self::Broker),
            8 => Ok(Self::BrokerLogger),
            16 => Ok(Self::ClientMetrics),
            32 => Ok(Self::Group),
            _ => Err(ApiError::invalid_request(format!("Unexpected resource type {code}"))),
        }
    }

    /// Checks that the configs of this resource can be altered through Kafka's protocol: only those of topics can.
    pub fn check_alterable(self) -> Result<(), ApiError> {
        match self {
            Self::Topic => Ok(()),
            Self::Broker | Self::BrokerLogger => Err(ApiError::new(
                ErrorCode::INVALID_CONFIG,
                "agents are configured where they are started; their configs cannot be altered here",
            )),
            Self::ClientMetrics | Self::Group => {
                Err(ApiError::invalid_request("configs of client metrics and groups are not supported"))
            }
        }
    }
}

impl ConfigSource {
    /// Kafka's code for it.
    pub const fn code(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::Broker => 4,
            Self::Default => 5,
        }
    }
}

impl ConfigEntry {
    /// Kafka's code for the type (`ConfigEntry.ConfigType`).
    pub const fn kind_code(&self) -> i8 {
        match self.kind {
            ConfigKind::Boolean => 1,
            ConfigKind::Text => 2,
            ConfigKind::Int => 3,
            ConfigKind::Long => 5,
            ConfigKind::Double => 6,
            ConfigKind::List => 7,
        }
    }
}

/// All configs of a topic.
pub fn topic_entries(topic: &Topic) -> Vec<ConfigEntry> {
    DEFINITIONS
        .iter()
        .map(|def| {
            let (value, source) = match topic.configs.get(def.name) {
                Some(value) => (canonical(def, value), ConfigSource::Topic),
                None => (def.default.to_owned(), ConfigSource::Default),
            };
            ConfigEntry {
                name: def.name,
                value,
                source,
                default: def.default.to_owned(),
                synonym: def.synonym,
                kind: def.kind,
                read_only: false,
                doc: def.doc,
            }
        })
        .collect()
}

/// The configs of this agent that tools read.
pub fn broker_entries(agent: &Agent) -> Vec<ConfigEntry> {
    broker_configs(&agent.config, &agent.session.node())
        .into_iter()
        .map(|(name, kind, value, doc)| ConfigEntry {
            name,
            default: value.clone(),
            value,
            source: ConfigSource::Broker,
            synonym: None,
            kind,
            read_only: true,
            doc,
        })
        .collect()
}

/// Checks that `name` is this agent's id: each agent answers for itself only.
pub fn check_broker(agent: &Agent, name: &str) -> Result<(), ApiError> {
    let id = agent.session.node().id.0;
    if name.parse() == Ok(id) {
        return Ok(());
    }
    Err(ApiError::invalid_request(format!("Unexpected broker id, expected {id} or empty string, but received {name}")))
}
