//! What the process runs with: validated, complete, data only.

use std::{net::SocketAddr, time::Duration};

use alluvium_compactor::CompactorConfig;
use alluvium_gateway::config::AgentConfig;
use alluvium_metastore::nodes::SessionConfig;
use alluvium_model::AgentId;
use alluvium_objects::RetryPolicy;

use super::{
    Options,
    addresses::{advertised_address, listen_address},
    invalid_setting::{InvalidSetting, invalid},
    locations::{MetastoreLocation, metastore_location, store_location, store_retry},
    sections::{agent_config, compactor_config, session_config},
    store_location::StoreLocation,
};

/// Everything a role needs to know, complete and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where objects live.
    pub store: StoreLocation,
    /// How requests to the object store are retried if a client waits for them.
    pub store_retry: RetryPolicy,
    /// Where the metastore lives.
    pub metastore: MetastoreLocation,
    /// Address that the Kafka listener binds.
    pub kafka_listen: SocketAddr,
    /// Host and port that Kafka clients connect to, if it is not the listener's address.
    pub kafka_advertised: Option<(String, u16)>,
    /// Address that the HTTP listener binds.
    pub http_listen: SocketAddr,
    /// Host and port that other agents connect to, if it is not the listener's address.
    pub http_advertised: Option<(String, u16)>,
    /// This agent's broker id; if `None`, the metastore chooses one.
    pub node_id: Option<AgentId>,
    /// This agent's zone.
    pub rack: Option<String>,
    /// How this process stays registered, unless it is alone.
    pub session: SessionConfig,
    /// How the agent behaves.
    pub agent: AgentConfig,
    /// How the compactor behaves.
    pub compactor: CompactorConfig,
    /// Time limit for requests in flight to finish when the process stops.
    pub drain_timeout: Duration,
    /// Filter of log lines, in the syntax of `tracing_subscriber::filter::Targets`.
    pub log: String,
    /// Log as JSON lines instead of text.
    pub log_json: bool,
}

impl TryFrom<Options> for Settings {
    type Error = InvalidSetting;

    fn try_from(options: Options) -> Result<Self, InvalidSetting> {
        let options = options.resolve();
        let store = store_location(&options)?;
        Ok(Self {
            store_retry: store_retry(&options)?,
            metastore: metastore_location(&options)?,
            kafka_listen: listen_address("kafka-listen", &options.kafka_listen)?,
            kafka_advertised: advertised_address("kafka-advertised", options.kafka_advertised.as_deref())?,
            http_listen: listen_address("http-listen", &options.http_listen)?,
            http_advertised: advertised_address("http-advertised", options.http_advertised.as_deref())?,
            node_id: options.node_id.map(node_id).transpose()?,
            session: session_config(&options)?,
            agent: agent_config(&options, &store)?,
            compactor: compactor_config(&options)?,
            drain_timeout: options.drain_timeout.0,
            log_json: options.log_format == "json",
            log: options.log,
            rack: options.rack,
            store,
        })
    }
}

fn node_id(id: i32) -> Result<AgentId, InvalidSetting> {
    if id < 0 { Err(invalid("node-id", id, "must not be negative")) } else { Ok(AgentId(id)) }
}
