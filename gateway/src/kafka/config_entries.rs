//! Configs as Kafka's tools see them: of which resource, with which value, from where.

use alluvium_metastore::topics::Topic;
use alluvium_model::topic_config::{ConfigKind, DEFINITIONS, canonical};
use alluvium_wire::ErrorCode;

use super::broker_configs::broker_configs;
use super::errors::Refused;
use crate::agent::Agent;

/// What has configs (Kafka's `ConfigResource.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Topic,
    Broker,
    BrokerLogger,
    ClientMetrics,
    Group,
}

/// Where a value comes from (Kafka's `ConfigEntry.ConfigSource`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Topic,
    Broker,
    Default,
}

/// One config and its value.
#[derive(Clone, Debug)]
pub struct ConfigEntry {
    pub name: &'static str,
    pub value: String,
    pub source: Source,
    pub default: String,
    /// What the default is called where it comes from.
    pub synonym: Option<&'static str>,
    pub kind: ConfigKind,
    pub read_only: bool,
    pub doc: &'static str,
}

impl Resource {
    pub fn of(code: i8) -> Result<Self, Refused> {
        match code {
            2 => Ok(Self::Topic),
            4 => Ok(Self::Broker),
            8 => Ok(Self::BrokerLogger),
            16 => Ok(Self::ClientMetrics),
            32 => Ok(Self::Group),
            _ => Err(Refused::invalid_request(format!("Unexpected resource type {code}"))),
        }
    }

    /// Only topics' configs can be altered through Kafka's protocol.
    pub fn check_alterable(self) -> Result<(), Refused> {
        match self {
            Self::Topic => Ok(()),
            Self::Broker | Self::BrokerLogger => Err(Refused::new(
                ErrorCode::INVALID_CONFIG,
                "agents are configured where they are started; their configs cannot be altered here",
            )),
            Self::ClientMetrics | Self::Group => {
                Err(Refused::invalid_request("configs of client metrics and groups are not supported"))
            }
        }
    }
}

impl Source {
    pub const fn code(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::Broker => 4,
            Self::Default => 5,
        }
    }
}

impl ConfigEntry {
    /// Kafka's `ConfigEntry.ConfigType`.
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
                Some(value) => (canonical(def, value), Source::Topic),
                None => (def.default.to_owned(), Source::Default),
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

/// The configs of an agent that tools read.
pub fn broker_entries(agent: &Agent) -> Vec<ConfigEntry> {
    broker_configs(&agent.config, &agent.session.node())
        .into_iter()
        .map(|(name, kind, value, doc)| ConfigEntry {
            name,
            default: value.clone(),
            value,
            source: Source::Broker,
            synonym: None,
            kind,
            read_only: true,
            doc,
        })
        .collect()
}

/// Whether `name` is this agent's id: others answer for themselves.
pub fn check_broker(agent: &Agent, name: &str) -> Result<(), Refused> {
    let id = agent.session.node().id.0;
    if name.parse() == Ok(id) {
        return Ok(());
    }
    Err(Refused::invalid_request(format!("Unexpected broker id, expected {id} or empty string, but received {name}")))
}
